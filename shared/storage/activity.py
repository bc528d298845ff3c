"""What was copied today: one row for each (dataset, day, process), for display only."""

import hashlib
from datetime import date
from typing import Protocol

from azure.data.tables.aio import TableServiceClient

from shared.model.rows import Activity
from shared.storage.entities import entity_of, put_entity, read_range, values_of

TABLE = "activity"


class Activities(Protocol):
    """Activity by dataset, day and process."""

    async def write(self, dataset: str, day: date, process: str, *, activity: Activity) -> None:
        """Write a process's row for a day, over what it wrote before. Raises StorageFailedError."""
        ...

    async def of_day(self, dataset: str, day: date) -> Activity:
        """What all processes copied in a day, together. Raises StorageFailedError."""
        ...


class AzureActivities:
    """Activity in Table Storage."""

    def __init__(self, service: TableServiceClient, *, table: str = TABLE) -> None:
        self._table = service.get_table_client(table)

    async def write(self, dataset: str, day: date, process: str, *, activity: Activity) -> None:
        """One row, whose key has a digest of the process's name: a name may hold what a key must not."""
        row = f"{day.isoformat()}-{hashlib.sha256(process.encode()).hexdigest()}"
        await put_entity(self._table, entity_of(activity, partition=dataset, row=row, process=process))

    async def of_day(self, dataset: str, day: date) -> Activity:
        """One query over the day's rows."""
        total = Activity()
        async for entity in read_range(self._table, partition=dataset, prefix=f"{day.isoformat()}-"):
            values = values_of(entity)
            total = total.plus(Activity(assets=values["assets"], bytes=values["bytes"]))
        return total
