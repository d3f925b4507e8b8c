"""Interrupts of all else that takes time: a lab, a search, tables and files. What comes after is as if nobody had interrupted."""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from breaking_off import at_line, fail, handler, interrupt, lines_of
from test_broken_off import is_what_its_scenario_says
from test_player import wait_until

from raftcore import Cluster
from raftcore.hunting.cores import in_order
from raftcore.hunting.explore import explore
from raftcore.hunting.hunt import hunt
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.recording import Recording
from widgets import Lab
from widgets.player import Player, _players

MUTANT = {mutant.number: mutant for mutant in MUTANTS}


def moments(work: Callable[[], object], most: int) -> list[int]:
    """Lines at which the work is interrupted, the same in every run of the test."""
    lines = lines_of(work)
    return sorted(Random(lines).sample(range(1, lines), min(most, lines - 1)))


class Alarm:
    """Interrupts this thread once, so many seconds after it is called; 0: not any more.

    rang: whether it has. Who waits for it asks that, too: where Python can't raise, as in a destructor, it reports the interrupt and
    goes on.
    """

    rang = False

    def __call__(self, after_s: float) -> None:
        self.rang = False
        signal.setitimer(signal.ITIMER_REAL, after_s)

    def obey(self, *_: object) -> None:
        self.rang = True
        raise KeyboardInterrupt


@contextmanager
def timer() -> Iterator[Alarm]:
    """Lets a function interrupt this thread.

    A lock that is not held before `with` is entered is not held after an interrupt either, but a tracer can come between its last line
    and its end, where no signal can. So where locks matter, interrupts come from a clock. Garbage is not collected
    meanwhile: Hypothesis is called before and after that, where Python can't raise.
    """
    alarm = Alarm()
    gc.collect()
    gc.disable()
    with handler(signal.SIGALRM, alarm.obey):
        try:
            yield alarm
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            gc.enable()


def never_return(seed: int) -> int:
    """But for the first seed."""
    while seed:
        pass
    return seed


def ignore(_: object) -> None:
    """Show no progress."""


# ---- a lab


def test_interrupts_of_cells_beside_a_lab_that_plays_change_no_run():
    chance = Random(3)
    cluster = Cluster(3, 4)
    with timer() as alarm, Lab(cluster) as lab:
        lab.speed = 10
        cells: list[Callable[[], object]] = [
            lambda: cluster.run_for(200),
            lambda: cluster.client("C1").set("x", "1"),
            lambda: [cluster.step() for _ in range(50)],
            lambda: cluster.fork().run_for(100),
            lambda: (lab.pause(), lab.play()),
            lambda: cluster.violations,
            lambda: cluster.recording.events,
            lambda: lab._player.take({"do": "submit", "client": "C2", "text": "SET y 2"}),
        ]
        for _ in range(200):
            with suppress(KeyboardInterrupt):
                alarm(chance.uniform(0.0001, 0.01))
                while not alarm.rang:
                    chance.choice(cells)()
        assert lab.notice == ""
        assert lab._player._thread.is_alive()
        lab.play()
        began_ms = cluster.now_ms
        wait_until(lambda: cluster.now_ms > began_ms)
    assert is_what_its_scenario_says(cluster)
    assert len(cluster.recording.events) == len(cluster.trace)


def test_a_lab_whose_making_was_interrupted_makes_room_for_the_next_one():
    cluster = Cluster(3, 4)
    for line in moments(lambda: Lab(cluster), 10):
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            Lab(cluster)
        old = _players.get(cluster)
        with Lab(cluster) as lab:
            assert lab.playing
            assert old is None or old is lab._player or not old._thread.is_alive()
    assert cluster not in _players


@pytest.mark.parametrize("act", [Player.pause, Player.play, Player.close, lambda player: player.take({"do": "go", "at_ms": 100})])
def test_a_player_that_is_interrupted_can_be_closed(act: Callable[[Player], object]):
    cluster, chance = Cluster(3, 4), Random(4)
    cluster.run_for(500)
    with timer() as alarm:
        for _ in range(30):
            player = Player.of(cluster)
            with suppress(KeyboardInterrupt):
                alarm(chance.uniform(0.00001, 0.001))
                while not (player.closed or alarm.rang):
                    act(player)
                alarm(0)
            player.close()
            assert not player._thread.is_alive()


# ---- searches


def test_an_exploration_that_was_interrupted_can_be_made_again():
    world = World(terms=1, commands=0, duplications=1)
    walk = Walk(world)
    expected = explore(world)
    for line in moments(lambda: explore(walk), 2):
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            explore(walk)
    again = explore(walk)
    assert (again.unique, again.states, again.depth, again.path) == (expected.unique, expected.states, expected.depth, expected.path)


def test_a_hunt_that_was_interrupted_can_be_made_again():
    rules = MUTANT["10"].rules

    def search() -> object:
        return hunt(rules, seeds=range(1), cores=1, on_progress=ignore)

    expected = search()
    for line in moments(search, 2):
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            search()
    assert search() == expected


def test_a_hunt_on_several_cores_that_was_interrupted_leaves_no_process_and_can_be_made_again():
    rules = MUTANT["10"].rules

    def search() -> object:
        return hunt(rules, seeds=range(2), cores=2, on_progress=ignore)

    expected = search()
    for line in moments(search, 2):
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            search()
        assert multiprocessing.active_children() == [], f"interrupted at line {line}"
    assert search() == expected


def test_workers_end_wherever_an_interrupt_comes_while_they_begin_or_end():
    begin, end = next, Generator.close
    for part in (begin, end):
        work = in_order(never_return, range(100), cores=2)
        if part is end:
            next(work)
        lines = lines_of(lambda part=part, work=work: part(work))
        work.close()
        for line in sorted(Random(lines).sample(range(1, lines), 4)):
            work = in_order(never_return, range(100), cores=2)
            if part is end:
                next(work)
            with pytest.raises(KeyboardInterrupt) as kept, at_line(line, interrupt):  # its frames hold the workers, as a notebook's do
                part(work)
            work.close()
            assert multiprocessing.active_children() == [], f"interrupted at line {line}: {kept}"


# ---- tables and files


@pytest.fixture
def run() -> Cluster:
    cluster = Cluster(3, 4)
    for number in range(10):
        cluster.submit("C1", f"SET x {number}")
        cluster.run_for(150)
    return cluster


@pytest.mark.parametrize("break_off, error", [(interrupt, KeyboardInterrupt), (fail, MemoryError)])
def test_tables_are_complete_after_one_was_broken_off(run: Cluster, break_off: Callable[[], None], error: type[BaseException]):
    tables = ("events", "messages", "servers", "log", "operations", "elections", "violations")
    expected = {name: getattr(run.recording, name) for name in tables}

    def look(data: Recording) -> None:
        for name in tables:
            getattr(data, name)

    for line in moments(lambda: look(run.fork().recording), 15):
        data = run.fork().recording
        with suppress(error), at_line(line, break_off):
            look(data)
        for name in tables:
            assert getattr(data, name).equals(expected[name]), f"{name}, broken off at line {line}"


SAVES: dict[str, Callable[[Cluster, Path], object]] = {
    "scenario.json": lambda run, path: run.scenario.save(path),
    "run.parquet": lambda run, path: run.recording.save(path),
    "run.edn": lambda run, path: run.recording.to_edn(path),
    "run.log": lambda run, path: run.recording.to_shiviz(path),
    "run.html": lambda run, path: run.recording.to_html(path),
}


@pytest.mark.parametrize("name", SAVES)
def test_a_save_that_was_interrupted_leaves_the_old_file_or_the_new(run: Cluster, tmp_path: Path, name: str):
    path, save = tmp_path / name, SAVES[name]
    run.recording.events  # noqa: B018  what tables are made of is there
    save(run, path)
    whole = path.read_bytes()
    for line in moments(lambda: save(run, path), 30):
        path.write_bytes(b"old")
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            save(run, path)
        assert path.read_bytes() in (b"old", whole), f"interrupted at line {line}"
    save(run, path)
    assert path.read_bytes() == whole


def test_tables_whose_saving_was_interrupted_are_whole_or_absent(run: Cluster, tmp_path: Path):
    def save(folder: str) -> None:
        run.recording.save_tables(tmp_path / folder)

    save("whole")
    whole = {file.name: file.read_bytes() for file in (tmp_path / "whole").iterdir()}
    for number, line in enumerate(moments(lambda: save("counted"), 12)):
        folder = f"broken off {number}"
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            save(folder)
        for file in (tmp_path / folder).glob("*.parquet"):
            assert file.read_bytes() == whole[file.name], f"{file.name}, interrupted at line {line}"
        save(folder)
        assert {file.name: file.read_bytes() for file in (tmp_path / folder).glob("*.parquet")} == whole


@pytest.mark.filterwarnings("ignore:Exception ignored in.*ParquetWriter.__del__:pytest.PytestUnraisableExceptionWarning")
def test_a_stream_that_was_interrupted_tells_each_event_once(run: Cluster, tmp_path: Path):
    path = tmp_path / "run.parquet"
    writing = run.recording.stream_to(path)
    writing._closing.set()  # nobody but this test writes
    writing._thread.join()
    chance = Random(6)
    with timer() as alarm:
        for _ in range(60):
            run.run_for(5)
            with suppress(KeyboardInterrupt):
                alarm(chance.uniform(0.0005, 0.006))
                while not alarm.rang:
                    writing.flush()
            writing.flush()
        assert Recording.load(writing.part).trace.to_bytes() == run.trace.to_bytes()
        with suppress(KeyboardInterrupt):
            alarm(0.005)
            writing.close()
            alarm(0)
        writing.close()
    assert Recording.load(path).trace.to_bytes() == run.trace.to_bytes()
    assert not writing.part.exists()
