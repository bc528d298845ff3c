"""The run store: the newest run of each dataset, its pages and its counts."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Protocol

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient

from shared.model.counts import Counts, PartCounts, WindowCounts
from shared.model.errors import BlobConflictError, StorageFailedError
from shared.model.items import PlannedPage
from shared.model.rows import Run
from shared.model.windows import Window
from shared.storage.blobs import BlobPath, Blobs, Content
from shared.storage.entities import (
    Entity,
    entity_of,
    etag_of,
    put_entity,
    read_entity,
    read_range,
    values_of,
    write_entity,
)

TABLE = "runs"
CONTAINER = "pages"

NEWEST_RUN = "newest"
NEWEST_PLAN = "newest-plan"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """A run as it was read."""

    run: Run
    etag: str


class Runs(Protocol):
    """Runs and their counts (a table), and the pages that were kept (blobs). All methods raise StorageFailedError."""

    async def newest(self, dataset: str) -> RunEntry | None:
        """The newest run of a dataset."""
        ...

    async def save(self, run: Run, *, replaces: str | None) -> bool:
        """Write the newest run of its dataset if the one that was read (its ETag; None: none) still stands there.

        Also true where just this run stands there already: a retried write, the first answer of which was lost.
        """
        ...

    async def part(self, dataset: str, run: str, *, place: tuple[int, int, int]) -> PartCounts | None:
        """The counts of one part, by its (pass, page, part)."""
        ...

    async def count(self, dataset: str, run: str, *, place: tuple[int, int, int], counts: PartCounts) -> None:
        """Write the counts of one part, over what stands there."""
        ...

    async def total(self, dataset: str, run: str, *, pass_number: int) -> Counts:
        """The counts of all parts of a pass together."""
        ...

    async def windows(self, dataset: str, run: str, *, pass_number: int) -> Mapping[int, WindowCounts]:
        """The counts of a pass by window, each by the page that it began with."""
        ...

    async def page(self, dataset: str, run: str, *, place: tuple[int, int]) -> PlannedPage | None:
        """The page that was kept for (pass, page)."""
        ...

    async def keep(self, dataset: str, run: str, *, place: tuple[int, int], page: PlannedPage) -> PlannedPage:
        """Keep a page if none is kept there yet; return the one that is."""
        ...


class AzureRuns:
    """The run store in Table Storage, its pages in a container."""

    def __init__(
        self,
        service: TableServiceClient,
        *,
        blobs: Blobs,
        table: str = TABLE,
        container: str = CONTAINER,
        row: str = NEWEST_RUN,
    ) -> None:
        """``row``: where the newest of a dataset stands; plans have one of their own."""
        self._table = service.get_table_client(table)
        self._blobs = blobs
        self._container = container
        self._row = row

    async def newest(self, dataset: str) -> RunEntry | None:
        """A point read."""
        entity = await read_entity(self._table, partition=dataset, row=self._row)
        return None if entity is None else RunEntry(run=_run(entity), etag=etag_of(entity))

    async def save(self, run: Run, *, replaces: str | None) -> bool:
        """Insert or replace; after a conflict, a look at what stands there."""
        if await write_entity(self._table, _entity(run, row=self._row), replaces=replaces):
            return True
        there = await self.newest(run.dataset)
        return there is not None and there.run == run

    async def part(self, dataset: str, run: str, *, place: tuple[int, int, int]) -> PartCounts | None:
        """A point read."""
        entity = await read_entity(self._table, partition=counts_partition(dataset, run), row=_counts_row(place))
        return None if entity is None else PartCounts.model_validate(values_of(entity))

    async def count(self, dataset: str, run: str, *, place: tuple[int, int, int], counts: PartCounts) -> None:
        """Write over what stands there."""
        partition, row = counts_partition(dataset, run), _counts_row(place)
        await put_entity(self._table, entity_of(counts, partition=partition, row=row))

    async def total(self, dataset: str, run: str, *, pass_number: int) -> Counts:
        """One query over a pass."""
        windows = await self.windows(dataset, run, pass_number=pass_number)
        return functools.reduce(Counts.plus, (each.counts for each in windows.values()), Counts())

    async def windows(self, dataset: str, run: str, *, pass_number: int) -> Mapping[int, WindowCounts]:
        """One query over a pass."""
        partition, prefix = counts_partition(dataset, run), f"part-{pass_number:05}-"
        windows: dict[int, WindowCounts] = {}
        async for entity in read_range(self._table, partition=partition, prefix=prefix):
            part = PartCounts.model_validate(values_of(entity))
            windows[part.window] = windows.get(part.window, WindowCounts()).with_part(part)
        return windows

    async def page(self, dataset: str, run: str, *, place: tuple[int, int]) -> PlannedPage | None:
        """Read the page's blob."""
        body = await self._blobs.read(self._path(dataset, run, place))
        return None if body is None else PlannedPage.model_validate_json(body)

    async def keep(self, dataset: str, run: str, *, place: tuple[int, int], page: PlannedPage) -> PlannedPage:
        """Write the page's blob unless there is one; who comes second reads the first one's."""
        content = Content(md5=None, media_type="application/json", metadata={})
        try:
            await self._blobs.put(self._path(dataset, run, place), (page.model_dump_json().encode(),), content=content)
        except BlobConflictError as error:
            kept = await self.page(dataset, run, place=place)
            if kept is None:
                raise StorageFailedError(f"page {place} of run {run}: it went away while it was read") from error
            return kept
        return page

    def _path(self, dataset: str, run: str, place: tuple[int, int]) -> BlobPath:
        pass_number, page = place
        return BlobPath(container=self._container, name=f"{dataset}/{run}/{pass_number}/{page}.json")


def _entity(run: Run, *, row: str) -> Entity:
    return entity_of(run, partition=run.dataset, row=row, window=run.window.model_dump_json())


def _run(entity: TableEntity) -> Run:
    values: dict[str, Any] = values_of(entity)
    return Run.model_validate({**values, "window": Window.model_validate_json(values["window"])})


def counts_partition(dataset: str, run: str) -> str:
    """Where the counts of a run stand."""
    # No dataset's name has a colon: with "-" the run "b-c" of "a" would be the run "c" of "a-b".
    return f"{dataset}:{run}"


def _counts_row(place: tuple[int, int, int]) -> str:
    pass_number, page, part = place
    return f"part-{pass_number:05}-{page:08}-{part:05}"
