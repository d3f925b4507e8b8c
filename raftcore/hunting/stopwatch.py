"""The one place of the core that looks at a real clock: to say how fast a search is, and to end it in time. No run depends on it."""

import time


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.perf_counter() - self._began
