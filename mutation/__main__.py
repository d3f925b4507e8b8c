"""python -m mutation [--sample 200] [--seed 1] [package …]: change the code in many small ways, and see which changes no test notices.

mutmut generates and runs the mutants; pyproject.toml says which tests it runs. Here the mutants are sampled, counted by package and shown.
docs/mutation_testing.md explains the figures and lists the equivalent mutants.
"""

import argparse
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import mutmut.__main__ as tool
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.runners.harness import PytestRunner
from mutmut.stats import status_by_exit_code

from mutation import decorated, refused, switch

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutation"  # mutmut writes beside the sources; there everything that was made is out of the way
PACKAGES = ("raftcore/consensus", "raftcore/storage", "raftcore/statemachine", "raftcore/checks")
MOST_MEMORY_BYTES = 6 << 30
MOST_SECONDS = 15.0  # of processor time, for one test
TIMED_OUT = 36  # mutmut's exit code
ALIVE = ("survived", "no tests")


def main() -> int:
    """0 once all chosen mutants were tested, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m mutation")
    parser.add_argument("packages", nargs="*", metavar="package", default=PACKAGES, help=f"or file, of {', '.join(PACKAGES)}")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants of each package; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--again", action="store_true", help="of these, only the mutants that lived when they were tested last")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # for mypy
    decorated.prepare()
    switch.prepare()
    tool.filter_mutants_with_type_checker = refused.by_type_checker
    tool.run_forced_fail_test = lambda _runner: None  # it would fail a call on its way to the mutant, and no call takes that way
    _bound(PytestRunner)
    _generate()
    chosen = {package: _chosen(package, given.sample, given.seed, again=given.again) for package in given.packages}
    tool._run([name for names in chosen.values() for name in names], max_children=1)
    for package, names in chosen.items():
        _report(package, names)
    return 0


def _generate() -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    os.chdir(WORK)
    for name in ("pyproject.toml", "raftcore", "tests", "widgets"):
        if not Path(name).is_symlink():
            Path(name).symlink_to(ROOT / name)
    Path("mutants").mkdir(exist_ok=True)
    with tool.CatchOutput(spinner_title="Generating mutants"):
        tool.copy_src_dir()
        tool.create_mutants(1)


def _outcomes(package: str) -> dict[str, int | None]:
    """What became of each mutant of a package or file, by its name: mutmut's exit code, None where it was not tested."""
    found: dict[str, int | None] = {}
    for path in tool.walk_mutatable_files():
        if path.is_relative_to(package):
            data = SourceFileMutationData(path=path)
            data.load()
            found |= data.exit_code_by_key
    return found


def _chosen(package: str, sample: int, seed: int, *, again: bool) -> list[str]:
    outcomes = _outcomes(package)
    if not outcomes:
        sys.exit(f"There are no mutants in {package}. These have some: {', '.join(PACKAGES)}, and the files in them.")
    names = sorted(outcomes)
    chosen = Random(seed).sample(names, sample) if 0 < sample < len(names) else names
    return [name for name in chosen if status_by_exit_code[outcomes[name]] in ALIVE] if again else chosen


def _report(package: str, names: list[str]) -> None:
    outcomes = _outcomes(package)
    status = {name: status_by_exit_code[outcomes[name]] for name in names}
    counts = Counter(status.values())
    viable = len(names) - counts["caught by type check"]
    alive = [name for name in sorted(names) if status[name] in ALIVE]
    for name in alive:
        print(f"\n# {name}: {status[name]}\n{tool.get_diff_for_mutant(name)}")
    low, high = _interval(len(alive), viable)
    print(f"\n{package}: {len(names):,} of {len(outcomes):,} mutants. {', '.join(f'{n:,} {what}' for what, n in counts.most_common())}.")
    print(
        f"{len(alive)} of {viable} viable ones live: {len(alive) / max(viable, 1):.1%} (95% interval {low:.1%} to {high:.1%})", flush=True
    )


def _interval(hits: int, tries: int) -> tuple[float, float]:
    """Wilson's score interval of a share, at 95%."""
    if not tries:
        return 0.0, 1.0
    z, share = 1.96, hits / tries
    middle, half = share + z * z / (2 * tries), z * sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    scale = 1 + z * z / tries
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


class _TestsEnd:
    """A pytest plugin: a test that computes for too long ends its process, as a mutant that loops for ever would not."""

    def pytest_runtest_logstart(self) -> None:
        if "__mutmut_" not in trampoline.get_mutant_under_test():
            return  # the tests themselves are run, to see which functions each calls
        signal.signal(signal.SIGVTALRM, lambda *_: os._exit(TIMED_OUT))
        signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)


def _bound(runner: type[PytestRunner]) -> None:
    execute, run_stats = runner.execute_pytest, runner.run_stats

    def bounded(self: PytestRunner, params: list[str], **others: Any) -> int:
        return execute(self, params, **others | {"plugins": [*others.get("plugins", ()), _TestsEnd()]})

    def seen(self: PytestRunner, *, tests: Iterable[str]) -> int:
        return switch.seen(lambda: run_stats(self, tests=tests))

    runner.execute_pytest = bounded  # type: ignore[method-assign]
    runner.run_stats = seen  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
