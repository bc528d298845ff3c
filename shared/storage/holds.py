"""What holds a dataset's pages back: a row for each dataset beside its newest run."""

import dataclasses
from typing import Protocol

from azure.data.tables.aio import TableServiceClient

from shared.model.rows import Hold
from shared.storage.entities import entity_of, etag_of, read_entity, values_of, write_entity
from shared.storage.runs import TABLE

_ROW = "hold"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HoldEntry:
    """A hold as it was read."""

    hold: Hold
    #: None: there is no row, and nothing holds.
    etag: str | None


class Holds(Protocol):
    """What holds each dataset back. All methods raise StorageFailedError."""

    async def of(self, dataset: str) -> HoldEntry:
        """What holds a dataset back."""
        ...

    async def save(self, hold: Hold, *, replaces: str | None) -> bool:
        """Write a dataset's hold if the one that was read (its ETag; None: none) still stands there.

        Also true where just this hold stands there already: a retried write, the first answer of which was lost.
        """
        ...


class AzureHolds:
    """Rows of the runs table."""

    def __init__(self, service: TableServiceClient, *, table: str = TABLE) -> None:
        self._table = service.get_table_client(table)

    async def of(self, dataset: str) -> HoldEntry:
        """A point read."""
        entity = await read_entity(self._table, partition=dataset, row=_ROW)
        if entity is None:
            return HoldEntry(hold=Hold(dataset=dataset), etag=None)
        return HoldEntry(hold=Hold.model_validate(values_of(entity)), etag=etag_of(entity))

    async def save(self, hold: Hold, *, replaces: str | None) -> bool:
        """Insert or replace; after a conflict, a look at what stands there."""
        if await write_entity(self._table, entity_of(hold, partition=hold.dataset, row=_ROW), replaces=replaces):
            return True
        return (await self.of(hold.dataset)).hold == hold
