"""The sheets of a census, place by place: what agrees, and of what doesn't, how it is after another look."""

import dataclasses
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from shared.census.destination import Destination
from shared.census.facts import Described, Place, Recorded, Standing, asset_of
from shared.census.found import Found, Mark
from shared.census.judging import colliding, extra_blob, extra_row, judged
from shared.census.sheets import Group, Sheets, Side
from shared.storage.answers import each_of
from shared.storage.blobs import BlobPath, Blobs
from shared.storage.ledger import Ledger

#: Places that are judged, and looked at once more, together.
_BATCH = 500


@dataclasses.dataclass(slots=True, kw_only=True)
class Comparing:
    """Compares for one census."""

    dataset_name: str
    asked_at: datetime
    sheets: Sheets
    destination: Destination
    ledger: Ledger
    blobs: Blobs
    #: Why the catalog wasn't read to its end, where it wasn't.
    broken: str | None
    #: Blobs that are none of the dataset's assets.
    beside: int = 0
    #: Rows and blobs that came after the catalog was read, and that it didn't list.
    since: int = 0

    async def found(self) -> AsyncIterator[Sequence[Found]]:
        """What there is to say of everything, in batches: refusals first, then places in the order of their names."""
        async for item, key, reason in self.sheets.refusals():
            yield [Found(mark=Mark.UNKNOWN, blob="", item=item, key=key, reason=reason)]
        batch: list[Place] = []
        async for group in self.sheets.groups():
            batch.append(_place(group))
            if len(batch) == _BATCH:
                yield await self._judged(batch)
                batch = []
        yield await self._judged(batch)

    async def _judged(self, places: Sequence[Place]) -> list[Found]:
        refused = await self.sheets.refused(_unlisted(places))
        doubtful = [each for each in places if self._is_doubtful(each)]
        fresh = {each.blob: each for each in await each_of(doubtful, self._looked_at)}
        return [found for each in places for found in self._of(fresh.get(each.blob, each), refused=refused)]

    def _is_doubtful(self, place: Place) -> bool:
        """Tell whether a place doesn't agree, and may have been copied to while the three were read."""
        if len(place.assets) != 1 or not (place.rows or place.standing):
            return False
        return judged(place, dataset=self.dataset_name, asked_at=self.asked_at).mark is not Mark.SAME

    async def _looked_at(self, place: Place) -> Place:
        """A place as it is now. First the row: a blob is committed before its row, so the row isn't newer than it."""
        (asset,) = place.assets
        entries = await self.ledger.of(self.dataset_name, [asset.identity])
        blob = await self.blobs.look(BlobPath(container=self.destination.container, name=place.blob))
        here = self.destination.container, place.blob
        rows = [each.row for each in entries.values() if (each.row.container, each.row.blob) == here]
        others = [each for each in place.rows if each.identity != asset.identity]
        update = {
            "rows": [*map(Recorded.of, rows), *others],
            "standing": None if blob is None else Standing.of(blob),
        }
        return place.model_copy(update=update)

    def _of(self, place: Place, *, refused: Collection[str]) -> Iterator[Found]:
        if len(place.assets) == 1:
            yield judged(place, dataset=self.dataset_name, asked_at=self.asked_at)
        elif place.assets:
            yield from colliding(place)
        named = {each.identity for each in place.assets}
        unlisted = [each for each in place.rows if each.identity not in named]
        for row in unlisted:
            if row.completed_at >= self.asked_at:
                self.since += 1
            else:
                yield extra_row(row, place, refused=refused, broken=self.broken)
        if place.standing and not place.assets and not unlisted:
            yield from self._extra_blob(place, place.standing, refused=refused)

    def _extra_blob(self, place: Place, standing: Standing, *, refused: Collection[str]) -> Iterator[Found]:
        if self.destination.is_beside(place.blob, standing):
            self.beside += 1
        elif standing.modified >= self.asked_at:
            self.since += 1
        else:
            yield extra_blob(place.blob, standing, refused=refused, broken=self.broken)


def _place(group: Group) -> Place:
    name, sides = group
    facts = {side: [text for each, text in sides if each is side] for side in Side}
    # Each asset once, as it was listed last.
    assets = {each.identity: each for each in map(Described.model_validate_json, facts[Side.CATALOG])}
    standing = [Standing.model_validate_json(each) for each in facts[Side.DESTINATION]]
    return Place(
        blob=name,
        assets=list(assets.values()),
        rows=[Recorded.model_validate_json(each) for each in facts[Side.LEDGER]],
        standing=standing[-1] if standing else None,
    )


def _unlisted(places: Iterable[Place]) -> Iterator[str]:
    """The row keys of assets that the catalog seems not to have."""
    for place in places:
        if not place.assets:
            yield from map(asset_of, place.rows)
            if place.standing and place.standing.owner:
                yield place.standing.owner[1]
