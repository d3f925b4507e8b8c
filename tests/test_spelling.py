"""A misspelt keyword: the error names it, and the one that was meant. Nothing is made or done, and what is spelt right works as ever."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from raftcore import Cluster, Config, Rules, Scenario
from raftcore.consensus import replication
from raftcore.hunting.explore import explore
from raftcore.hunting.faults import Faults
from raftcore.hunting.hunt import hunt
from raftcore.hunting.small_world import World
from raftcore.vocabulary.errors import ConfigError
from widgets import Lab

MISSPELT: dict[str, tuple[Callable[..., object], str, str]] = {
    "a knob": (Config, "heartbeet_ms", "Config takes no 'heartbeet_ms'; did you mean 'heartbeat_ms'?"),
    "a rule": (Rules, "answer_apend_entries", "Rules takes no 'answer_apend_entries'; did you mean 'answer_append_entries'?"),
    "a bound": (World, "crash", "World takes no 'crash'; did you mean 'crashes'?"),
    "a kind of trouble": (Faults, "partition", "Faults takes no 'partition'; did you mean 'partitions'?"),
    "a part of a scenario": (Scenario, "action", "Scenario takes no 'action'; did you mean 'actions'?"),
    "an option of a cluster": (Cluster, "confg", "Cluster takes no 'confg'; did you mean 'config'?"),
    "an option of a lab": (Lab, "cluster", "Lab takes no 'cluster'; there are run"),
    "an option of a hunt": (hunt, "seed", "hunt takes no 'seed'; did you mean 'seeds'?"),
    "an option of an exploration": (explore, "limits", "explore takes no 'limits'; did you mean 'limit'?"),
    "a fault of a link": (Cluster(3).link, "los", "link takes no 'los'; did you mean 'loss'?"),
    "a fault of a disk": (Cluster(3).disk, "sync", "disk takes no 'sync'; did you mean 'sync_ms'?"),
    "nothing like any": (World, "qqq", "World takes no 'qqq'; there are size, terms, commands, heartbeats, crashes, losses"),
}


@pytest.mark.parametrize("case", MISSPELT)
def test_a_keyword_that_nobody_knows_is_named_with_the_one_that_was_meant(case: str) -> None:
    make, word, sentence = MISSPELT[case]
    with pytest.raises(ConfigError) as caught:
        make(**{word: 1})
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("table", [Config, Rules, World, Faults, Scenario])
def test_a_value_without_its_name_is_refused(table: Any) -> None:
    with pytest.raises(ConfigError, match=rf"takes no value without its name; write {table.__name__}\({table.__struct_fields__[0]}=…\)"):
        table(len)


def test_the_wrong_word_is_found_among_right_ones() -> None:
    with pytest.raises(ConfigError, match="takes no 'sede'; did you mean 'seed'"):
        Cluster(size=3, sede=2)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="takes no 'duplicaton'; did you mean 'duplication'"):
        Cluster(3).link("S1", "S2", loss=0.1, duplicaton=0.1)  # type: ignore[call-arg]


def test_tables_of_knobs_are_structs_as_all_others() -> None:
    config = Config(heartbeat_ms=20, delay_ms=(1, 2))
    assert config == copy.copy(config) == pickle.loads(pickle.dumps(config))
    assert config.delay_ms == (1.0, 2.0)
    rules = Rules(start_append_entries=replication.start_heartbeat)
    assert rules.start_append_entries is replication.start_heartbeat


def test_a_function_still_says_what_it_takes() -> None:
    assert list(inspect.signature(Cluster).parameters) == ["size", "seed", "config", "rules", "trace", "checks"]
    assert hunt.__doc__
    assert hunt.__name__ == "hunt"
