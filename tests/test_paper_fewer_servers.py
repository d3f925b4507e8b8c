"""A configuration that needs fewer servers holds when it is appended (§6): what waited for more of them goes on at once."""

from plays import Play, reign_of_s1

from raftcore.consensus.door import ChangeWanted
from raftcore.vocabulary.configuration import Configuration


def commits_at_once(play: Play, wanted: Configuration) -> int:
    """How far S1 has committed when it has put this configuration into its log, and has saved nothing yet."""
    play.nodes["S1"].step(ChangeWanted(wanted), play.now_ms)
    assert play.state("S1").configuration == wanted
    return play.commit("S1")


def test_what_needs_fewer_servers_by_a_new_configuration_is_committed_when_that_is_appended() -> None:
    """§6: a server goes by the latest configuration in its log. It need not wait for its disk to do so."""
    play = reign_of_s1(4)
    play.propose("S1", "on two of four", heard_by="S2")
    assert play.commit("S1") == 1

    assert commits_at_once(play, Configuration(("S1", "S2", "S3"))) == 2


def test_what_has_too_few_servers_by_the_new_configuration_too_is_not_committed_early() -> None:
    """§6."""
    play = reign_of_s1(5)
    play.propose("S1", "on two of five", heard_by="S2")

    assert commits_at_once(play, Configuration(("S1", "S3", "S4", "S5"))) == 1


def test_a_leader_that_remains_alone_commits_all_that_is_on_its_disk_at_once() -> None:
    """§6."""
    play = reign_of_s1(2)
    play.propose("S1", "mine")
    play.propose("S1", "mine too")

    assert commits_at_once(play, Configuration(("S1",))) == 3


def test_a_read_that_waits_for_fewer_servers_by_a_new_configuration_is_let_out_at_once() -> None:
    """§6, thesis 6.4."""
    play = reign_of_s1(4)
    number = play.read("S1")
    play.talk("S1", "S2")
    assert play.served == []
    ready = play.nodes["S1"].step(ChangeWanted(Configuration(("S1", "S2", "S3"))), play.now_ms)

    assert [ask.sequence_num for ask in ready.reads] == [number]
