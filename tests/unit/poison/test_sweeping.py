"""Failures of assets that were copied since are removed, and no others."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import override

import pytest

from shared.model.errors import StorageFailedError
from shared.model.rows import Failure
from tests.fakes import MemoryFailures
from tests.unit.model.builders import NOON
from tests.unit.poison.preserve_world import HOUR, World


async def test_what_was_copied_since_is_removed() -> None:
    """The row of an asset that failed and was copied later misleads people."""
    world = World()
    await world.failed(last_at=NOON)
    await world.copied(completed_at=NOON + HOUR)

    await world.sweeping.sweep()

    assert world.failures.rows == {}


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=1)], ids=["at-once", "later"])
async def test_what_failed_since_stays(later: timedelta) -> None:
    """A row that isn't older than the asset's completion is the last word."""
    world = World()
    row = await world.failed(last_at=NOON + later)
    await world.copied(completed_at=NOON)

    await world.sweeping.sweep()

    assert list(world.failures.rows.values()) == [row]


async def test_what_was_never_copied_stays() -> None:
    """Another asset's completion says nothing of it."""
    world = World()
    row = await world.failed(key="B02")
    await world.copied(key="B03", completed_at=NOON + 2 * HOUR)

    await world.sweeping.sweep()

    assert list(world.failures.rows.values()) == [row]


async def test_many_failures() -> None:
    """More than are looked at together, of several datasets, some of them over."""
    world = World(datasets=("s1", "s2"))
    for dataset in ("s1", "s2"):
        for number in range(130):
            await world.failed(dataset=dataset, item=f"item-{number}", last_at=NOON)
            if number % 2:
                await world.copied(dataset=dataset, item=f"item-{number}", completed_at=NOON + HOUR)

    await world.sweeping.sweep()

    assert len(world.failures.rows) == 130
    assert all(int(item.removeprefix("item-")) % 2 == 0 for _, item, _ in world.failures.rows)


async def test_what_fails_meanwhile_stays() -> None:
    """A row is removed only as it was read: an attempt that failed in between has the last word."""
    world = World()
    world.failures = _FailsAgain()
    await world.failed(last_at=NOON)
    await world.copied(completed_at=NOON + HOUR)

    await world.sweeping.sweep()

    assert [each.attempts for each in world.failures.rows.values()] == [2]


async def test_trouble_with_one_dataset_keeps_no_other_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and the others are swept."""
    world = World(datasets=("s1", "s2"))
    world.failures = _Broken("s1")
    for dataset in ("s1", "s2"):
        await world.failed(dataset=dataset, last_at=NOON)
        await world.copied(dataset=dataset, completed_at=NOON + HOUR)

    await world.sweeping.sweep()

    assert [dataset for dataset, _, _ in world.failures.rows] == ["s1"]
    told = [vars(each) for each in caplog.records if each.levelno == logging.ERROR]
    assert [(each["action"], each["dataset"], each["error"]) for each in told] == [
        ("failures_not_swept", "s1", "it is broken")
    ]


async def test_a_pass_is_cut_and_another_dataset_is_first_next_hour() -> None:
    """A dataset of a million failures keeps the others waiting for some hours, not for ever."""
    world = World(datasets=("s1", "s2", "s3"))
    world.failures = _Slow(world)
    for dataset in ("s1", "s2", "s3"):
        await world.failed(dataset=dataset, last_at=NOON)
        await world.copied(dataset=dataset, completed_at=NOON + HOUR)
    left: list[int] = []

    for hour in range(4):
        world.now = NOON + hour * HOUR
        await world.sweeping.sweep()
        left.append(len(world.failures.rows))

    assert left == [2, 1, 0, 0]


class _FailsAgain(MemoryFailures):
    """Each failure that is read is followed by another one."""

    @override
    async def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        async for each in super().all_of(dataset):
            yield each
            await self.record([each])


class _Broken(MemoryFailures):
    def __init__(self, dataset: str) -> None:
        super().__init__()
        self._broken = dataset

    @override
    async def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        if dataset == self._broken:
            raise StorageFailedError("it is broken")
        async for each in super().all_of(dataset):
            yield each


class _Slow(MemoryFailures):
    """Reading a dataset's failures takes three minutes."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    @override
    async def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        self._world.now += timedelta(minutes=3)
        async for each in super().all_of(dataset):
            yield each
