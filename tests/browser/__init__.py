"""A package, so that its tests can share a browser which is closed before the tests of other folders begin."""
