"""What three witnesses of one place come to."""

from collections.abc import Collection, Iterator
from datetime import datetime

from shared.census.facts import Described, Place, Recorded, Standing, asset_of
from shared.census.found import Found, Mark


def judged(place: Place, *, dataset: str, asked_at: datetime) -> Found:
    """What there is to say of the one asset that the catalog has for a place."""
    (asset,) = place.assets
    row = next((each for each in place.rows if each.identity == asset.identity), None)
    mark, reason = _judged(asset, row, place.standing, dataset=dataset, asked_at=asked_at)
    return Found(mark=mark, blob=place.blob, item=asset.item, key=asset.key, reason=reason)


def colliding(place: Place) -> Iterator[Found]:
    """What there is to say of assets that would all be one blob."""
    for each in place.assets:
        reason = f"{len(place.assets)} assets of the catalog would be this blob; change the dataset's destination.name"
        yield Found(mark=Mark.UNKNOWN, blob=place.blob, item=each.item, key=each.key, reason=reason)


def extra_row(row: Recorded, place: Place, *, refused: Collection[str], broken: str | None) -> Found:
    """What there is to say of a row whose asset the catalog doesn't have at the place."""
    where = "in the ledger and at the destination" if place.standing else "in the ledger only"
    mark, reason = _extra(asset_of(row), where=where, refused=refused, broken=broken)
    return Found(mark=mark, blob=place.blob, item=row.item, key=row.key, reason=reason)


def extra_blob(blob: str, standing: Standing, *, refused: Collection[str], broken: str | None) -> Found:
    """What there is to say of a blob of which neither catalog nor ledger says anything."""
    if standing.is_closed:
        mark, reason = Mark.UNKNOWN, "its metadata are encrypted with a key that isn't ours: whose it is can't be told"
    else:
        owned = standing.owner[1] if standing.owner else ""
        where = "at the destination only" if owned else "at the destination only, and nothing says whose it is"
        mark, reason = _extra(owned, where=where, refused=refused, broken=broken)
    return Found(mark=mark, blob=blob, item=standing.item, key=standing.key, reason=reason)


def _judged(
    asset: Described, row: Recorded | None, standing: Standing | None, *, dataset: str, asked_at: datetime
) -> tuple[Mark, str]:
    if standing is not None and standing.owner not in {None, (dataset, asset_of(asset))}:
        return Mark.UNKNOWN, "another asset's blob stands there; change the dataset's destination.name"
    if standing is None:
        return Mark.MISSING, "missing at the destination; the ledger has it" if row else "neither copied nor recorded"
    if row is None:
        return Mark.MISSING, "missing in the ledger; a blob stands there"
    if because := _difference(row, standing):
        return Mark.DIFFERENT, because
    if not row.stands_for(asset, asked_at=asked_at):
        return Mark.DIFFERENT, "the catalog describes it otherwise than when it was copied"
    return Mark.SAME, ""


def _difference(row: Recorded, standing: Standing) -> str | None:
    """Why a blob isn't the one that a row tells of, in words; None if it is."""
    if row.length != standing.length:
        return f"the blob has {standing.length} bytes, the ledger {row.length}"
    stated = {each.rpartition(":")[0]: each for each in row.digests}
    for each in standing.digests:
        if stated.get(each.rpartition(":")[0], each) != each:
            return f"the blob is {each}, the ledger has {stated[each.rpartition(':')[0]]}"
    if row.etag != standing.etag:
        return f"the blob was written anew since: its ETag is {standing.etag}, the ledger has {row.etag}"
    return None


def _extra(asset: str, *, where: str, refused: Collection[str], broken: str | None) -> tuple[Mark, str]:
    if asset in refused:
        return Mark.UNKNOWN, f"{where}; the catalog lists it in a way that is refused now"
    if broken is not None:
        return Mark.UNKNOWN, f"{where}; whether the catalog has it can't be told: {broken}"
    return Mark.EXTRA, f"{where}; the catalog doesn't list it, or the dataset doesn't select it any more"
