"""What a person takes away from a lab: the run as code, as a test, or in files."""

from itertools import count
from pathlib import Path

from raftcore import Cluster
from raftcore.cluster.as_code import as_code, as_test
from raftcore.hunting.walk import Walk
from raftcore.trace.run import Run
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.spelling import brief
from widgets.forking import cluster_of
from widgets.pane import Sight


class Clipboard:
    """A text that the screen shows to be copied. copies: how many there have been."""

    def __init__(self) -> None:
        self.text = ""
        self.copies = 0

    def copy(self, sight: Sight, what: object) -> None:
        """Show the run, up to the moment that is seen, as such a text. Raises ControlError."""
        self.text = text(sight.branch.run, sight.at_ms, what)
        self.copies += 1


def text(run: Run, at_ms: float, what: object) -> str:
    """Python that repeats the run up to this moment. what: "code" for a cell, or "test" for pytest. Raises ControlError."""
    if isinstance(run, Walk):
        return run.as_code()
    scenario, trusted = run.scenario.until(at_ms), cluster_of(run) is not None
    match what:
        case "code":
            return as_code(scenario, at_ms, trusted)
        case "test":
            return as_test(scenario, at_ms, run.trace.view_at(at_ms), trusted)
        case other:
            raise ControlError(f"a run can't be copied as {brief(other)}; choose code or test")


def save(run: Run, folder: Path) -> tuple[Path, Path]:
    """Write the run's scenario and its recording into new files in this folder, and say which. Raises OSError, and ControlError."""
    if isinstance(run, Walk):
        raise ControlError("a walk is repeated by its path and not by a scenario, so no file holds it; copy it as code instead")
    from raftcore.recording import Recording  # noqa: PLC0415  only who saves a run waits for pyarrow

    stem = f"run-seed{run.scenario.seed}-{int(run.now_ms)}ms"
    names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    name = next(name for name in names if not any(folder.glob(f"{name}.*")))  # what was saved before stays
    scenario, recording = folder / f"{name}.json", folder / f"{name}.parquet"
    data = run.recording if isinstance(run, Cluster) else run
    if not isinstance(data, Recording):
        raise ControlError(f"{brief(run)} has no data that could be saved; a cluster and a recording have")
    run.scenario.save(scenario)
    data.save(recording)
    return scenario, recording
