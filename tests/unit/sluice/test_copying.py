from sluice.copying import copy
from sluice.output import Exit
from tests.unit.intake.test_copies import World, listed
from tests.unit.sluice.operators import operator, shown


async def test_what_was_asked_for_is_told() -> None:
    """How many assets, in which lane, and by which name ledger and blobs will call it."""
    world = World(listed("s2/T32", "B04", "B08"))
    on = operator(copies=world.use_case())

    code = await copy(on, "demo", ["s2/T32"])

    assert code is Exit.GOOD
    assert shown(on) == ["2 assets asked for, in the lane copy-live, by asked-20240601-1"]


async def test_what_isnt_asked_for_is_a_problem() -> None:
    """What is refused, with its reason, and what the dataset leaves out; the rest is asked for."""
    world = World(listed("s2/T32", "B04"), listed("s2/T33", "B08"), select={"include": ["B08", "https:*"]})
    on = operator(copies=world.use_case())

    codes = [await copy(on, "demo", [each]) for each in ("s2/T33", "s2/T32", "https://elsewhere.org/a.tif")]

    assert codes == [Exit.GOOD, Exit.PROBLEMS, Exit.PROBLEMS]
    text = " ".join(shown(on))
    assert "left out by the dataset's select: s2/T32" in text
    assert "UrlRefusedError: the host 'elsewhere.org' isn't in allow.hosts" in text
