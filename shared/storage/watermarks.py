"""Up to when datasets were read whole: a row for each beside its newest run."""

import dataclasses
from typing import Protocol

from azure.data.tables.aio import TableServiceClient

from shared.model.rows import Watermark
from shared.storage.entities import entity_of, etag_of, read_entity, values_of, write_entity
from shared.storage.runs import TABLE

_ROW = "watermark"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkEntry:
    """A watermark as it was read."""

    watermark: Watermark
    etag: str


class Watermarks(Protocol):
    """The watermark of each dataset. All methods raise StorageFailedError."""

    async def of(self, dataset: str) -> WatermarkEntry | None:
        """A dataset's watermark; None: it was never read whole."""
        ...

    async def save(self, watermark: Watermark, *, replaces: str | None) -> bool:
        """Write a dataset's watermark if the one that was read (its ETag; None: none) still stands there.

        Also true where just this one stands there already: a retried write, the first answer of which was lost.
        """
        ...


class AzureWatermarks:
    """Rows of the runs table."""

    def __init__(self, service: TableServiceClient, *, table: str = TABLE) -> None:
        self._table = service.get_table_client(table)

    async def of(self, dataset: str) -> WatermarkEntry | None:
        """A point read."""
        entity = await read_entity(self._table, partition=dataset, row=_ROW)
        if entity is None:
            return None
        return WatermarkEntry(watermark=Watermark.model_validate(values_of(entity)), etag=etag_of(entity))

    async def save(self, watermark: Watermark, *, replaces: str | None) -> bool:
        """Insert or replace; after a conflict, a look at what stands there."""
        entity = entity_of(watermark, partition=watermark.dataset, row=_ROW)
        if await write_entity(self._table, entity, replaces=replaces):
            return True
        there = await self.of(watermark.dataset)
        return there is not None and there.watermark == watermark
