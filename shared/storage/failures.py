"""The failures table: why the last attempt at an asset failed. It decides nothing."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from azure.data.tables.aio import TableServiceClient

from shared.model.assets import partition_key, partition_keys, row_key, row_key_prefix
from shared.model.rows import Failure
from shared.storage.answers import each_of
from shared.storage.entities import (
    Entity,
    delete_entity,
    entity_of,
    etag_of,
    put_entity,
    read_entity,
    read_partition,
    read_range,
    values_of,
    write_entity,
)

TABLE = "failures"

_ROUNDS = 3


class Failures(Protocol):
    """Failures by asset, under the ledger's keys."""

    async def record(self, failures: Sequence[Failure]) -> None:
        """Write the last failure of each asset, counting up its attempts and keeping when it failed first.

        Raises StorageFailedError.
        """
        ...

    async def of(self, dataset: str, item: str, key: str) -> Failure | None:
        """The last failure of an asset."""
        ...

    async def of_item(self, dataset: str, item: str) -> Sequence[Failure]:
        """The last failures of all assets of an item."""
        ...

    def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        """The last failures of all assets of a dataset, by partition and row; a page of them is in memory at a time.

        What is written or removed meanwhile may come or not. Raises StorageFailedError.
        """
        ...

    async def remove(self, failure: Failure) -> bool:
        """Remove a failure as it was read: False where another one stands there by now, or none.

        Raises StorageFailedError.
        """
        ...


class AzureFailures:
    """The failures table in Table Storage."""

    def __init__(self, service: TableServiceClient, *, table: str = TABLE) -> None:
        self._table = service.get_table_client(table)

    async def record(self, failures: Sequence[Failure]) -> None:
        """Read, count up and write under a condition; after a few rounds without one, as nothing decides by it."""
        await each_of(failures, self._record)

    async def of(self, dataset: str, item: str, key: str) -> Failure | None:
        """A point read."""
        there, _ = await self._read(dataset, item, key)
        return there

    async def of_item(self, dataset: str, item: str) -> Sequence[Failure]:
        """One query."""
        found = read_range(self._table, partition=partition_key(dataset, item), prefix=row_key_prefix(item))
        return [Failure.model_validate(values_of(each)) async for each in found]

    async def all_of(self, dataset: str) -> AsyncIterator[Failure]:
        """A query a partition: those of another dataset lie between them where its name begins alike."""
        for partition in partition_keys(dataset):
            async for each in read_partition(self._table, partition=partition):
                yield Failure.model_validate(values_of(each))

    async def remove(self, failure: Failure) -> bool:
        """Read again, and delete If-Match: who failed meanwhile has written another row."""
        there, etag = await self._read(failure.dataset, failure.item, failure.key)
        if there != failure or etag is None:
            return False
        partition, row = _keys(failure)
        return await delete_entity(self._table, partition=partition, row=row, etag=etag)

    async def _record(self, failure: Failure) -> None:
        entity = _entity(failure)
        for _ in range(_ROUNDS):
            there, etag = await self._read(failure.dataset, failure.item, failure.key)
            entity = _entity(counted(failure, before=there))
            if await write_entity(self._table, entity, replaces=etag):
                return
        await put_entity(self._table, entity)

    async def _read(self, dataset: str, item: str, key: str) -> tuple[Failure, str] | tuple[None, None]:
        entity = await read_entity(self._table, partition=partition_key(dataset, item), row=row_key(item, key))
        return (None, None) if entity is None else (Failure.model_validate(values_of(entity)), etag_of(entity))


def counted(failure: Failure, *, before: Failure | None) -> Failure:
    """The failure as it is written over the one before: attempts add up, the first time stays."""
    if before is None:
        return failure
    return failure.model_copy(
        update={"attempts": before.attempts + failure.attempts, "first_at": min(before.first_at, failure.first_at)}
    )


def _keys(failure: Failure) -> tuple[str, str]:
    return partition_key(failure.dataset, failure.item), row_key(failure.item, failure.key)


def _entity(failure: Failure) -> Entity:
    partition, row = _keys(failure)
    return entity_of(failure, partition=partition, row=row)
