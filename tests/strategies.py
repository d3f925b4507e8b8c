"""Commands as chance makes them, for the tests that hypothesis feeds."""

from hypothesis import strategies as st

from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, ReadMode, Set

texts = st.text(st.characters(codec="utf-8"), max_size=30)
# What a reader of words could stumble on, more often than chance would have it.
tricky = st.text(st.sampled_from(list("ab'\"\\#<>&;$ \t\n\x00\u2028é😀")), max_size=8)
values = texts | tricky
keys = values.filter(bool)


def commands(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[Command]:
    return st.one_of(
        st.builds(Set, keys, values),
        st.builds(Get, keys, st.none() | st.sampled_from(ReadMode)),
        st.builds(Delete, keys),
        st.builds(Append, keys, values),
        st.builds(Cas, keys, values, values),
    )
