"""Where a file is, where it came from, and what is known of it."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from shared.ledgers.naming import Named
from shared.model.assets import bucket
from shared.model.datasets import Datasets
from shared.model.labels import label, owner
from shared.model.rows import Failure, LedgerRow
from shared.storage.answers import each_of
from shared.storage.blobs import Blob, BlobPath, Blobs
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.ledger_rows import LedgerRows

#: Assets that a scan finds at most.
_MOST_FOUND = 100
#: Partitions of a dataset.
_PARTS = 32


class Standing(StrEnum):
    """What stands where a row says."""

    AS_RECORDED = "as recorded"
    #: Somebody has written there since: the census tells of more.
    ANOTHER_VERSION = "another version"
    GONE = "gone"


class Shown(BaseModel):
    """What is known of an asset."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    item: str
    key: str
    #: None: it isn't in the ledger, so it wasn't copied, or its row is lost.
    row: LedgerRow | None
    #: Where the row's blob is, and what stands there now.
    url: str | None
    standing: Standing | None
    #: The last failure, where it is newer than the row.
    failure: Failure | None

    @property
    def is_well(self) -> bool:
        """Whether it was copied, stands there still, and hasn't failed since."""
        return self.standing is Standing.AS_RECORDED and self.failure is None


class Answer(BaseModel):
    """What was found, and how it was looked for where that says something."""

    model_config = ConfigDict(frozen=True)

    found: tuple[Shown, ...]
    notes: tuple[str, ...] = ()


#: Hears how many of a dataset's 32 parts were read.
type Scanned = Callable[[str, int], None]


def _unheard(_dataset: str, _parts: int, /) -> None:
    """Nobody watches."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Finds assets in the ledger."""

    datasets: Datasets
    ledger: Ledger
    rows: LedgerRows
    failures: Failures
    blobs: Blobs
    #: Where the data account's blobs are, without a slash at its end.
    endpoint: str

    async def show(
        self, what: str, key: str | None = None, *, dataset: str | None = None, scanned: Scanned = _unheard
    ) -> Answer:
        """Show an item's assets, or one of them by its key; or what an address or a blob's name means.

        An address may be signed: nothing of that is looked for, kept or shown. The ledger is asked for an item of this
        name, then for the blob (one look at its metadata); an address that is none of these is looked for in every
        row, which takes a while: ``scanned`` hears of it. Raises UnknownDatasetError, QueryInvalidError and
        StorageFailedError.
        """
        names = [dataset] if dataset is not None else sorted(self.datasets.datasets)
        containers = {each for name in names for each in self.datasets.named(name).containers}
        named = Named.read(what, endpoint=self.endpoint, containers=containers)
        if found := await self._of_item(named.text, key, names=names):
            return Answer(found=found)
        if key is not None:
            return Answer(found=(), notes=(f"no asset {key!r} of an item {named.text!r} is known",))
        for path in named.paths:
            if (blob := await self.blobs.look(path)) is not None:
                return await self._of_blob(path, blob, names=names, scanned=scanned)
        if not named.is_address:
            looked = f"no item and no blob is called {named.text!r} in {', '.join(names)}"
            return Answer(found=(), notes=(looked,))
        return await self._scan(lambda row: row.href == named.text, named.text, names=names, scanned=scanned)

    async def _of_item(self, item: str, key: str | None, *, names: Sequence[str]) -> tuple[Shown, ...]:
        """The assets of an item, copied or failed. An asset without an item has its address as its item."""
        found: list[Shown] = []
        for name in names:
            entries = await self.ledger.of_items(name, [item])
            failures = {each.key: each for each in await self.failures.of_item(name, item)}
            keys = {known for _, known in entries} | set(failures)
            rows = {known: entry.row for (_, known), entry in entries.items()}
            wanted = sorted(keys if key is None else keys & {key})
            found += await self._shown(((name, item, each) for each in wanted), rows=rows, failures=failures)
        return tuple(found)

    async def _shown(
        self,
        identities: Iterable[tuple[str, str, str]],
        *,
        rows: Mapping[str, LedgerRow],
        failures: Mapping[str, Failure],
    ) -> list[Shown]:
        async def shown(identity: tuple[str, str, str]) -> Shown:
            dataset, item, key = identity
            row, failure = rows.get(key), failures.get(key)
            is_newer = failure is not None and (row is None or failure.last_at > row.completed_at)
            return Shown(
                dataset=dataset,
                item=item,
                key=key,
                row=row,
                url=self._url(row) if row else None,
                standing=await self._standing(row) if row else None,
                failure=failure if is_newer else None,
            )

        return await each_of(identities, shown)

    def _url(self, row: LedgerRow) -> str:
        return f"{self.endpoint}/{row.container}/{quote(row.blob, safe='~/')}"

    async def _standing(self, row: LedgerRow) -> Standing:
        blob = await self.blobs.look(BlobPath(container=row.container, name=row.blob))
        if blob is None:
            return Standing.GONE
        return Standing.AS_RECORDED if blob.etag == row.etag else Standing.ANOTHER_VERSION

    async def _of_blob(self, path: BlobPath, blob: Blob, *, names: Sequence[str], scanned: Scanned) -> Answer:
        whose = owner(blob.metadata)
        place = f"{path.container}/{path.name}"
        if whose is None or whose[0] not in names:
            owned = "has no metadata of ours: it isn't ours" if whose is None else f"belongs to dataset {whose[0]!r}"
            return Answer(found=(), notes=(f"the blob {place} stands there, but {owned}",))
        if label(blob.metadata, "content") is not None:
            return Answer(found=(), notes=(f"the blob {place} is an item or collection that was published, no asset",))
        item, key = label(blob.metadata, "item"), label(blob.metadata, "key")
        if item is None or key is None:
            # Too long for a header.
            return await self._scan(
                lambda row: (row.container, row.blob) == (path.container, path.name),
                f"the blob {place}",
                names=[whose[0]],
                scanned=scanned,
            )
        found = await self._of_item(item, key, names=[whose[0]])
        missing = f"the blob {place} is ours, but no row names it; `ledger rebuild {whose[0]}` writes one"
        return Answer(found=found, notes=() if found else (missing,))

    async def _scan(
        self, is_wanted: Callable[[LedgerRow], bool], what: str, *, names: Sequence[str], scanned: Scanned
    ) -> Answer:
        """Look at every row, and where none is wanted at every failure."""
        note = f"every row of {', '.join(names)} was looked at for {what}"
        wanted = await _first([self._rows(each, scanned) for each in names], is_wanted)
        if not wanted:
            note = f"{note}, and every failure"
            wanted = await _first([self.failures.all_of(each) for each in names], lambda each: each.href == what)
        found = [shown for each in wanted for shown in await self._of_item(each.item, each.key, names=[each.dataset])]
        return Answer(found=tuple(found), notes=(note if found else f"{note}: none is of it",))

    async def _rows(self, dataset: str, scanned: Scanned) -> AsyncIterator[LedgerRow]:
        parts = 0
        async for entry in self.rows.all_of(dataset):
            if bucket(entry.row.item) != parts:
                parts = bucket(entry.row.item)
                scanned(dataset, parts)
            yield entry.row
        scanned(dataset, _PARTS)


async def _first[T: (LedgerRow, Failure)](
    several: Iterable[AsyncIterator[T]], is_wanted: Callable[[T], bool]
) -> list[T]:
    """Those that are wanted, up to a hundred: one file can belong to several items, but to so many hardly."""
    found: list[T] = []
    for some in several:
        async for each in some:
            if is_wanted(each):
                found.append(each)
            if len(found) == _MOST_FOUND:
                return found
    return found
