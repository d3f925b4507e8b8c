"""What all tests share."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# A slow machine is no failure, and a test that is run twice finds the same thing.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


class BrowserTestsTogether(LoadScopeScheduling):
    """Gives each test to the next process that is free, but all those that need a browser to one: they share it, and a notebook in it."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BrowserTestsTogether:
    return BrowserTestsTogether(config, log)
