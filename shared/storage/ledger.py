"""The ledger: completions, in Table Storage."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from shared.model.assets import partition_key, row_key, row_key_prefix
from shared.model.errors import StorageFailedError
from shared.model.rows import LedgerRow
from shared.storage.answers import each_of
from shared.storage.calls import Calls
from shared.storage.entities import entity_of
from shared.storage.tables import Found, Table, etag_of, properties_of
from shared.storage.transactions import Operation, Refusal

TABLE = "ledger"

#: Rows of one transaction (https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions).
MAX_WRITES = 100

_ABSENT = 404
_LOST = frozenset({409, 412})
_TOO_LARGE = 413

#: Item and key.
type Identity = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row as it was read."""

    row: LedgerRow
    etag: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A row to write: an insert, or an update of the row that was read (its ETag)."""

    row: LedgerRow
    replaces: str | None = None


class Ledger(Protocol):
    """The ledger's rows. All methods raise StorageFailedError for what isn't a conflict."""

    async def of(self, dataset: str, identities: Sequence[Identity]) -> Mapping[Identity, Entry]:
        """The rows of these assets that are there.

        One query for the assets of one item, point reads at once for assets of several.
        """
        ...

    async def of_items(self, dataset: str, items: Iterable[str]) -> Mapping[Identity, Entry]:
        """The rows of all assets of these items."""
        ...

    async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
        """Write rows of one partition (1 to 100) in one transaction; return those that lost against somebody else.

        A conflict fails a whole transaction: it is then done row by row, and a row conflicts if it was inserted or
        changed since it was read (409, 412), unless what stands there now is the same completion.
        """
        ...


class AzureLedger:
    """The ledger in Table Storage."""

    def __init__(self, calls: Calls, *, table: str = TABLE) -> None:
        self._table = Table(calls, table)

    async def of(self, dataset: str, identities: Sequence[Identity]) -> Mapping[Identity, Entry]:
        """One query where several assets of one item are asked for, else point reads."""
        items = {item for item, _ in identities}
        if len(items) == 1 and len(identities) > 1:
            wanted = set(identities)
            entries = await self.of_items(dataset, items)
            return {identity: entry for identity, entry in entries.items() if identity in wanted}

        async def read(identity: Identity) -> Found | None:
            item, key = identity
            return await self._table.read(partition_key(dataset, item), row_key(item, key))

        return _entries(each for each in await each_of(identities, read) if each is not None)

    async def of_items(self, dataset: str, items: Iterable[str]) -> Mapping[Identity, Entry]:
        """One query an item."""

        async def query(item: str) -> list[Found]:
            return await self._table.read_range(partition_key(dataset, item), row_key_prefix(item))

        return _entries(entity for found in await each_of(items, query) for entity in found)

    async def record(self, writes: Sequence[Write]) -> Sequence[Write]:
        """One transaction; after a conflict, or where it is too large, one for each row."""
        partition_of(writes)
        refusal = await self._written(writes)
        if refusal is None:
            return []
        if len(writes) == 1:
            return [each for each in writes if not await self._stands(each)]
        return [each for each in writes if await self._written([each]) and not await self._stands(each)]

    async def _written(self, writes: Sequence[Write]) -> Refusal | None:
        """Write rows; the refusal of none is one that has to be looked into row by row."""
        refusal = await self._table.transact([_operation(each) for each in writes])
        if refusal is None or _is_conflict(refusal, writes) or (refusal.status == _TOO_LARGE and len(writes) > 1):
            return refusal
        where = "" if refusal.index is None else f", operation {refusal.index}"
        raise StorageFailedError(f"table {self._table.name}: transaction: {refusal.status} {refusal.code}{where}")

    async def _stands(self, write: Write) -> bool:
        """Tell whether what stands there instead is the same completion."""
        row = write.row
        there = await self.of(row.dataset, [(row.item, row.key)])
        return any(same_completion(each.row, row) for each in there.values())


def partition_of(writes: Sequence[Write]) -> str:
    """The partition that all rows to write lie in; raises ValueError for none, too many, several or an asset twice."""
    if not 1 <= len(writes) <= MAX_WRITES:
        raise ValueError(f"a transaction has 1 to {MAX_WRITES} rows, not {len(writes)}")
    partition, *others = {partition_key(each.row.dataset, each.row.item) for each in writes}
    if others:
        raise ValueError("the rows lie in several partitions")
    if len({(each.row.item, each.row.key) for each in writes}) != len(writes):
        raise ValueError("an asset stands twice in the transaction")
    return partition


def same_completion(one: LedgerRow, other: LedgerRow) -> bool:
    """Tell whether two rows state the same work: a retried write, the first answer of which was lost, finds its own."""
    return _work(one) == _work(other)


def _work(row: LedgerRow) -> tuple[str, ...]:
    return row.container, row.blob, row.etag, row.description, row.cause


def _is_conflict(refusal: Refusal, writes: Sequence[Write]) -> bool:
    if refusal.status == _ABSENT:
        # The row to replace is gone; an insert that finds nothing to be inserted into has no table.
        return any(each.replaces is not None for each in writes)
    return refusal.status in _LOST


def _operation(write: Write) -> Operation:
    row = write.row
    partition, key = partition_key(row.dataset, row.item), row_key(row.item, row.key)
    # No digest has a space in it.
    entity = entity_of(row, partition=partition, row=key, digests=" ".join(row.digests))
    return Operation(entity=entity, replaces=write.replaces)


def entry_of(entity: Found) -> Entry:
    """A row as it was read."""
    values = properties_of(entity)
    row = LedgerRow.model_validate({**values, "digests": tuple(values["digests"].split())})
    return Entry(row=row, etag=etag_of(entity))


def _entries(entities: Iterable[Found]) -> dict[Identity, Entry]:
    entries = (entry_of(each) for each in entities)
    return {(each.row.item, each.row.key): each for each in entries}
