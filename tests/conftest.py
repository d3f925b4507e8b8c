"""What all tests share."""

from hypothesis import settings

# A slow machine is no failure, and a test that is run twice finds the same thing.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
