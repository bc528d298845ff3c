"""Plants grow on the code as it is: one whose text has gone would plant nothing, and be found by nobody."""

from collections import Counter

import pytest

from tests.simulation.plants import PLANTS, Edit, GoneError, Plant
from tests.simulation.plants.planting import hunk, path_of


@pytest.mark.parametrize("planted", PLANTS, ids=lambda each: each.name)
def test_every_plant_has_its_place(planted: Plant) -> None:
    """The text that it changes stands there once, and what comes of it is other code that can be compiled."""
    modules = {each.module for each in planted.edits}

    sources = {each: planted.source(each) for each in modules}

    assert modules
    for module, source in sources.items():
        assert source != path_of(module).read_text(encoding="utf-8")
        compile(source, module, "exec", dont_inherit=True)


def test_there_are_as_many_as_are_promised() -> None:
    """25 at least, each another one."""
    assert len(PLANTS) >= 25
    assert Counter(each.name for each in PLANTS).most_common(1)[0][1] == 1


def test_a_hunk_is_an_edit() -> None:
    """As a patch has it: what goes, what comes, and what stands around."""
    edit = hunk("a.b", "\n before\n-old\n+new\n\n after\n")

    assert edit == Edit(module="a.b", old="before\nold\n\nafter\n", new="before\nnew\n\nafter\n")


@pytest.mark.parametrize("source", ["", "old\nold\n"])
def test_a_text_that_is_gone_is_told(source: str) -> None:
    """It must stand there exactly once."""
    with pytest.raises(GoneError, match=r"a\.b has this \d times, not once"):
        Edit(module="a.b", old="old\n", new="new\n").of(source)
