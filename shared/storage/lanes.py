"""How many messages stood in each queue of late: a ring of rows in the activity table, for display only."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from azure.data.tables.aio import TableServiceClient

from shared.model.rows import LaneCounts
from shared.storage.activity import TABLE
from shared.storage.entities import entity_of, put_entity, read_range, values_of

#: No dataset's name has a colon.
_PARTITION = ":lanes"
_PREFIX = "minute-"
#: A row for each minute of so long; then the oldest is written over.
KEPT = timedelta(hours=3)


class Lanes(Protocol):
    """Counts of queues by the minute. All methods raise StorageFailedError."""

    async def write(self, counts: LaneCounts) -> None:
        """Write a moment's counts, over those of the same minute and of one that is long past."""
        ...

    async def since(self, moment: datetime) -> Sequence[LaneCounts]:
        """What was written since a moment, three hours back at most, the oldest first."""
        ...


class AzureLanes:
    """Rows of the activity table."""

    def __init__(self, service: TableServiceClient, *, table: str = TABLE) -> None:
        self._table = service.get_table_client(table)

    async def write(self, counts: LaneCounts) -> None:
        """One row, whose key comes again after three hours."""
        row = f"{_PREFIX}{minute_of(counts.at):03}"
        outstanding = json.dumps(dict(counts.outstanding))
        await put_entity(self._table, entity_of(counts, partition=_PARTITION, row=row, outstanding=outstanding))

    async def since(self, moment: datetime) -> Sequence[LaneCounts]:
        """One query."""
        rows = read_range(self._table, partition=_PARTITION, prefix=_PREFIX)
        found = [_counts(values_of(entity)) async for entity in rows]
        return sorted((each for each in found if each.at >= moment), key=lambda each: each.at)


def minute_of(moment: datetime) -> int:
    """Which row of the ring a moment has."""
    minutes = KEPT // timedelta(minutes=1)
    return int(moment.timestamp() // 60) % minutes


def _counts(values: dict[str, Any]) -> LaneCounts:
    return LaneCounts(at=values["at"], outstanding=json.loads(values["outstanding"]))
