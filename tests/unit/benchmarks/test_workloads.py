import pytest

from benchmarks.workloads import GIB, KIB, MIB, File, Group, Pattern, Workload, size_of

MIX = Workload((Group(count=2000, size=16 * KIB), Group(count=4, size=512 * MIB)))


def test_a_spec_says_it_all() -> None:
    """Source and clients know a workload by its name alone."""
    assert Workload.parse("2000x16384_4x536870912") == MIX
    assert MIX.spec == "2000x16384_4x536870912"


def test_a_spec_that_is_none() -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="favicon"):
        Workload.parse("favicon.icox1")


def test_files_tell_their_sizes() -> None:
    """Each file has a name of its own that holds its size."""
    files = list(Workload((Group(count=2, size=7), Group(count=1, size=9))).files)

    assert files == [
        File(name="2x7_1x9/7-000000.bin", size=7),
        File(name="2x7_1x9/7-000001.bin", size=7),
        File(name="2x7_1x9/9-000000.bin", size=9),
    ]
    assert [size_of(each.name) for each in files] == [7, 7, 9]


def test_a_scale_makes_fewer_files() -> None:
    """A tenth of 2,000 small files are 200; there is no fewer than one large file, so that one gets smaller."""
    assert MIX.scaled(0.1) == Workload((Group(count=200, size=16 * KIB), Group(count=1, size=214748365)))


def test_a_scale_of_a_count_that_has_to_be() -> None:
    """Where a number of files is the point, they get smaller."""
    assert Group(count=24, size=GIB, fixed_count=True).scaled(0.5) == Group(count=24, size=GIB // 2, fixed_count=True)


def test_a_title_for_people() -> None:
    """Sizes are told in the units that people use."""
    assert (MIX.title, MIX.count, MIX.bytes) == ("2,000 x 16 KiB, 4 x 512 MiB", 2004, 2000 * 16 * KIB + 2 * GIB)


def test_bytes_are_the_same_in_every_process() -> None:
    """Two patterns give a file the same bytes, another file others."""
    one, other = Pattern(), Pattern()

    assert one.piece("7-000000.bin", 5, 100) == other.piece("7-000000.bin", 5, 100)
    assert one.piece("7-000000.bin", 5, 100) != one.piece("7-000001.bin", 5, 100)


def test_no_two_blocks_of_a_file_are_alike() -> None:
    """A block in the wrong place has other bytes than the one that belongs there."""
    pattern = Pattern()

    pieces = {pattern.piece("2147483648-000000.bin", start, 32) for start in range(0, 2 * GIB, 4 * MIB)}

    assert len(pieces) == 512


def test_a_piece_across_the_seam() -> None:
    """Where the walk begins anew, a piece goes on with the beginning."""
    pattern = Pattern()
    start, left = pattern.place("name", 0)

    assert pattern.piece("name", 0, MIB) == pattern.bytes[start : start + MIB]
    assert pattern.piece("name", left - 3, 10) == pattern.piece("name", left - 3, 3) + pattern.bytes[:7]
