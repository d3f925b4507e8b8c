"""Mutation testing of the packages that safety rests on: make mutants."""
