import pytest

from benchmarks.checking import WrongDestinationError, check_facts, pieces_of
from benchmarks.workloads import MIB, File, Group, Pattern, Workload

PATTERN = Pattern()
WORKLOAD = Workload((Group(count=2, size=100),))
FIRST, SECOND = (each.name for each in WORKLOAD.files)

type Facts = dict[str, list[tuple[int, str]]]


def facts() -> Facts:
    """What the discarding server remembers of both files, each in two pieces."""
    return {
        name: [(60, PATTERN.piece(name, 0, 32).hex()), (40, PATTERN.piece(name, 60, 32).hex())]
        for name in (FIRST, SECOND)
    }


def refusal(found: Facts) -> str:
    with pytest.raises(WrongDestinationError) as refused:
        check_facts(found, workload=WORKLOAD, pattern=PATTERN)
    return str(refused.value)


def test_all_is_there() -> None:
    """Both blobs with their lengths and bytes pass."""
    check_facts(facts(), workload=WORKLOAD, pattern=PATTERN)


def test_a_blob_is_missing() -> None:
    """A client that leaves a file out has failed."""
    assert "1 of 2 blobs are missing" in refusal({FIRST: facts()[FIRST]})


def test_a_blob_is_short() -> None:
    """A client that cuts a file has failed."""
    assert "1 have a wrong length" in refusal({**facts(), SECOND: facts()[SECOND][:1]})


def test_a_blob_has_another_name() -> None:
    """A blob that nobody asked for is told of."""
    assert "['stray']" in refusal({**facts(), "stray": []})


def test_blocks_in_the_wrong_order() -> None:
    """A client that mixes blocks up has failed, though the length is right."""
    first, second = facts()[FIRST]

    assert f"{FIRST} has other bytes from 0 on" in refusal({**facts(), FIRST: [second, first]})


def test_a_small_file_is_compared_whole() -> None:
    """All of its bytes are read."""
    assert list(pieces_of(File(name="x", size=100))) == [(0, 100)]


def test_a_large_file_is_compared_about_the_seams() -> None:
    """Its beginning, its end, and what stands on both sides of each 8 MiB."""
    half, piece = 32 * 1024, 64 * 1024

    assert list(pieces_of(File(name="x", size=17 * MIB))) == [
        (0, piece),
        (8 * MIB - half, piece),
        (16 * MIB - half, piece),
        (17 * MIB - half, half),
    ]
