"""The ledger's rows, built again from the blobs that they are of."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, override

import pytest
from pytest_mock import MockerFixture

from shared.ledgers import Finding, Rebuilding, Rebuilt
from shared.ledgers import rebuilding as module
from shared.model.errors import StorageFailedError, UnknownDatasetError
from shared.model.labels import labels
from shared.storage.ledger import Write
from tests.fakes import MemoryLedger
from tests.fakes.blob_list import MemoryListedBlobs
from tests.unit.ledgers.world import World, row_of
from tests.unit.model.builders import NOON, asset

ONE, TWO, THREE = (asset(key=each, name=f"demo/{each}", item=f"s2/{each}") for each in ("one", "two", "three"))


def found(rebuilt: Rebuilt) -> dict[str, int]:
    """What it found, but for what it found none of."""
    return {finding.value: number for finding, number in rebuilt.blobs.items() if number}


async def test_rows_that_are_lost_come_back() -> None:
    """Each as it was, but for when it was written: a blob's own time stands for that."""
    world = World()
    rows = [await world.bring(each, completed_at=NOON + timedelta(hours=2)) for each in (ONE, TWO, THREE)]
    world.ledger.entries.clear()

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert sorted(world.ledger.rows, key=lambda each: each.key) == sorted(
        (each.model_copy(update={"completed_at": NOON}) for each in rows), key=lambda each: each.key
    )
    assert rebuilt == Rebuilt(
        dataset="demo",
        container="assets",
        prefix="",
        is_dry_run=False,
        blobs={each: 3 if each is Finding.MISSING else 0 for each in Finding},
        written=3,
        examples=(),
    )


async def test_every_field_comes_back() -> None:
    """What stands in metadata in other characters too, and what is optional."""
    world = World()
    odd = asset(key="B 04/é", item="s2/T 32?", name="demo/odd", updated=NOON, size=5)
    row = await world.write(odd, validator=None, instead_of="d0", digests=("md5:" + hashlib.md5(b"xxxxx").hexdigest(),))

    await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert world.ledger.rows == [row]


async def test_a_dry_run_writes_nothing() -> None:
    """It counts what would be written."""
    world = World()
    await world.bring(ONE)
    await world.write(TWO)

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=True)

    assert (found(rebuilt), rebuilt.written, rebuilt.is_dry_run) == ({"there": 1, "missing": 1}, 0, True)
    assert [each.key for each in world.ledger.rows] == ["one"]


async def test_a_second_time_all_is_there() -> None:
    """A rebuild that ended early is begun again."""
    world = World()
    await world.write(ONE)
    await world.rebuilding.rebuild("demo", is_dry_run=False)

    again = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(again), again.written) == ({"there": 1}, 0)


@pytest.mark.parametrize(
    ("there", "because"),
    [
        ({"etag": '"9"'}, 'its row says "9" and 5 bytes, not '),
        ({"length": 6}, " and 6 bytes, not "),
        ({"blob": "demo/elsewhere"}, "the asset's row names the blob 'demo/elsewhere'"),
        ({"container": "more"}, "the asset's row names the blob 'demo/one'"),
    ],
)
async def test_a_row_that_says_something_else_stays(there: dict[str, Any], because: str) -> None:
    """It may be newer than the blob's metadata: nothing is written over."""
    world = World()
    row = (await world.write(ONE)).model_copy(update=there)
    await world.record(row)

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(rebuilt), world.ledger.rows) == ({"differs": 1}, [row])
    assert [(each.blob, each.finding) for each in rebuilt.examples] == [("demo/one", "differs")]
    assert because in rebuilt.examples[0].because


async def test_a_newer_description_stays() -> None:
    """A later run found the same blob to be good for a newer description: its row says more than the metadata."""
    world = World()
    row = (await world.write(ONE)).model_copy(update={"description": "newer", "cause": "run-2"})
    await world.record(row)

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(rebuilt), world.ledger.rows) == ({"there": 1}, [row])


async def test_two_blobs_of_one_asset() -> None:
    """An asset whose name has changed has one row, of the blob that comes first; the other is told of."""
    world = World()
    first = await world.write(ONE)
    await world.write(ONE.model_copy(update={"name": "demo/one-again"}))

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(rebuilt), world.ledger.rows) == ({"missing": 1, "differs": 1}, [first])
    assert [each.blob for each in rebuilt.examples] == ["demo/one-again"]


async def test_what_is_no_asset_of_the_dataset_is_counted() -> None:
    """Another dataset's blobs, items that were published, and what isn't ours."""
    world = World()
    await world.write(ONE, dataset="other")
    await world.write(TWO, metadata={})
    await world.write(THREE, metadata={**labels(row_of(THREE)), "sluice_content": "0" * 64})

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert found(rebuilt) == {"others": 1, "strange": 1, "published": 1}
    assert (world.ledger.rows, rebuilt.examples) == ([], ())


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"sluice_href": None, "sluice_item": None}, "its metadata lacks item, href; the next full run brings its row"),
        ({"sluice_digests": None}, "its metadata lacks digests; the next full run brings its row"),
        ({"sluice_digests": "md5:" + "0" * 32}, "its Content-MD5 isn't that of its metadata"),
        (
            {"sluice_described_at": "once"},
            "its metadata's described_at can't be read; the next full run brings its row",
        ),
        ({"sluice_key": "another"}, "its metadata's row isn't that of its item and key"),
    ],
)
async def test_a_blob_that_no_row_can_be_made_of(change: dict[str, str | None], because: str) -> None:
    """It is told of, and why; a full run finds it and writes its row."""
    world = World()
    metadata = {**labels(row_of(ONE)), **change}
    await world.write(ONE, metadata={name: value for name, value in metadata.items() if value is not None})

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(rebuilt), world.ledger.rows) == ({"unfit": 1}, [])
    assert rebuilt.examples[0].because.startswith(because)


async def test_a_row_that_somebody_writes_meanwhile_stays() -> None:
    """A copy that ends at the same time knows more than the list did."""

    class Racing(MemoryLedger):
        @override
        async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
            self._store(row_of(ONE, cause="run-2"))
            return await super().record(writes)

    world = World()
    world.ledger = Racing()
    await world.write(ONE)

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(rebuilt), rebuilt.written) == ({"overtaken": 1}, 0)
    assert [each.cause for each in world.ledger.rows] == ["run-2"]


async def test_blobs_are_looked_at_some_at_a_time(mocker: MockerFixture) -> None:
    """A container can have millions; a prefix names some of them."""
    mocker.patch.object(module, "_BATCH", 2)
    world = World()
    for number in range(5):
        await world.write(asset(key=str(number), name=f"demo/a/{number}", item=f"s2/{number}"))
    await world.write(asset(key="b", name="demo/b", item="s2/b"))
    seen: list[int] = []

    rebuilt = await world.rebuilding.rebuild("demo", prefix="demo/a/", is_dry_run=False, seen=seen.append)

    assert (seen, rebuilt.prefix, rebuilt.written, len(world.ledger.rows)) == ([2, 2, 1], "demo/a/", 5, 5)


async def test_many_rows_of_one_partition() -> None:
    """A transaction has a hundred at most."""
    world = World()
    many = [asset(key=str(number), name=f"demo/{number}") for number in range(120)]
    for each in many:
        await world.write(each)

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)

    assert (rebuilt.written, len(world.ledger.rows)) == (120, 120)


async def test_examples_are_few() -> None:
    """Ten are enough to see what is wrong."""
    world = World()
    for number in range(12):
        each = asset(key=str(number), name=f"demo/{number}")
        await world.write(each, digests=())

    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=True)

    assert (found(rebuilt), len(rebuilt.examples)) == ({"unfit": 12}, 10)


async def test_a_container_without_blobs() -> None:
    """Nothing is found in it."""
    rebuilt = await World().rebuilding.rebuild("demo", is_dry_run=False)

    assert (found(rebuilt), rebuilt.written) == ({}, 0)


async def test_a_dataset_that_there_isnt() -> None:
    """It is named, with those that there are."""
    with pytest.raises(UnknownDatasetError, match="'nothing'; these are defined: demo, other"):
        await World().rebuilding.rebuild("nothing", is_dry_run=True)


async def test_a_container_that_is_missing() -> None:
    """It isn't one without blobs."""
    world = World()
    listed = MemoryListedBlobs(world.blobs, missing=["assets"])

    with pytest.raises(StorageFailedError, match="there is no container 'assets'"):
        await Rebuilding(datasets=world.datasets, ledger=world.ledger, listed=listed).rebuild("demo", is_dry_run=True)
