"""The verdict: what was found, compared with what was written down before Sluice was started.

Keys and names are computed here once more, from their description alone; nothing of ``shared`` is imported.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

from demo.evidence import Evidence
from demo.expected import Expected, ExpectedAsset
from demo.published import ITEMS

_BUCKETS = 32
#: Never: what Azure makes of a time-to-live of -1.
_NEVER = 9999
_OK = 200
_SHOWN = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One sentence, and what speaks against it."""

    claim: str
    objections: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.objections

    @property
    def line(self) -> str:
        """The check in a line with a tick or a cross."""
        if self.holds:
            return f"✓ {self.claim}"
        more = len(self.objections) - _SHOWN
        rest = f" (and {more} more)" if more > 0 else ""
        return f"✗ {self.claim}: {'; '.join(self.objections[:_SHOWN])}{rest}"


def judge(expected: Expected, evidence: Evidence) -> tuple[Check, ...]:
    """Compare; every check is made whatever the others say."""
    return (
        Check(
            claim=f"the container holds the {len(expected.assets)} expected blobs and no other",
            objections=tuple(_blobs_that_differ(expected, evidence)),
        ),
        Check(
            claim="the SHA-256 of every blob is the one that was written down before Sluice was started",
            objections=tuple(_bytes_that_differ(expected, evidence)),
        ),
        Check(
            claim=f"the ledger has exactly the {len(expected.assets)} rows of these assets",
            objections=tuple(_rows_that_differ(expected, evidence)),
        ),
        Check(
            claim="every row names its blob, with the blob's ETag, length and SHA-256",
            objections=tuple(_rows_that_lie(expected, evidence)),
        ),
        Check(
            claim=f"{len(expected.misfits)} planned misfits stand in copy-poison with their reasons, for ever",
            objections=tuple(_misfits_that_miss(expected, evidence)),
        ),
        Check(
            claim=f"{len(_whole_items(expected))} items are published whole, {len(_held_items(expected))} are "
            "withheld, each with a misfit that says why",
            objections=tuple(_items_that_differ(expected, evidence)),
        ),
        Check(
            claim="every published href can be read, and has the bytes that were written down",
            objections=tuple(_hrefs_that_lie(expected, evidence)),
        ),
        Check(claim="no other queue holds a message", objections=tuple(_messages_left(evidence))),
        Check(
            claim=f"the kill led to repeated deliveries: {evidence.repeated_deliveries}",
            objections=() if evidence.repeated_deliveries else ("no message was delivered again",),
        ),
        Check(
            claim="none of them had an effect: every blob was committed once, "
            f"none of the {len(evidence.rows_at_kill)} rows that stood at the kill was written again",
            objections=tuple(_effects_twice(expected, evidence)),
        ),
    )


def ledger_keys(dataset: str, *, item: str, key: str) -> tuple[str, str]:
    """PartitionKey and RowKey of an asset.

    ``<dataset>-<top five bits of the item's SHA-256>`` and ``<SHA-256 of the item>-<SHA-256 of the key>``.
    """
    of_item, of_key = (hashlib.sha256(each.encode()) for each in (item, key))
    bucket = of_item.digest()[0] * _BUCKETS // 256
    return f"{dataset}-{bucket:02}", f"{of_item.hexdigest()}-{of_key.hexdigest()}"


def _blobs_that_differ(expected: Expected, evidence: Evidence) -> Iterable[str]:
    names = {each.blob for each in expected.assets}
    yield from (f"{name} is missing" for name in sorted(names - evidence.blobs.keys()))
    yield from (f"{name} is one too many" for name in sorted(evidence.blobs.keys() - names))


def _bytes_that_differ(expected: Expected, evidence: Evidence) -> Iterable[str]:
    for asset in expected.assets:
        blob = evidence.blobs.get(asset.blob)
        if blob is None:
            yield f"{asset.blob} is missing"
        elif (blob.length, blob.sha256) != (asset.size, asset.sha256):
            yield f"{asset.blob} has {blob.length} bytes and {blob.sha256}, not {asset.size} and {asset.sha256}"


def _rows_that_differ(expected: Expected, evidence: Evidence) -> Iterable[str]:
    keys = {_keys(expected, asset): asset for asset in expected.assets}
    missing = keys.keys() - evidence.rows.keys()
    yield from sorted(f"{keys[each].item} {keys[each].key} has none" for each in missing)
    yield from (f"{'/'.join(each)} is one too many" for each in sorted(evidence.rows.keys() - keys.keys()))


def _rows_that_lie(expected: Expected, evidence: Evidence) -> Iterable[str]:
    for asset in expected.assets:
        row = evidence.rows.get(_keys(expected, asset))
        blob = evidence.blobs.get(asset.blob)
        if row is None:
            continue
        has = (row.item, row.key, row.container, row.blob, row.length, _unquoted(row.etag))
        etag = _unquoted(blob.etag) if blob else None
        if has != (asset.item, asset.key, expected.container, asset.blob, asset.size, etag):
            yield f"{asset.item} {asset.key}: the row says {has}, the blob's ETag is {etag}"
        elif f"sha256:{asset.sha256}" not in row.digests:
            yield f"{asset.item} {asset.key}: the row's digests are {' '.join(row.digests) or 'none'}"


def _misfits_that_miss(expected: Expected, evidence: Evidence) -> Iterable[str]:
    # Sets: a worker that dies between sending such a message and acknowledging its own sends it twice, which is legal.
    found = {_misfit(each.assets, each.error) for each in evidence.poison}
    wanted = {_misfit([(each.item, each.key)], each.error) for each in expected.misfits}
    yield from (f"{each} is missing" for each in sorted(wanted - found))
    yield from (f"{each} is one too many" for each in sorted(found - wanted))
    for each in evidence.poison:
        if each.expires.year != _NEVER:
            yield f"{_misfit(each.assets, each.error)} expires {each.expires}"


def _whole_items(expected: Expected) -> set[str]:
    return {each.item for each in expected.assets} - _held_items(expected)


def _held_items(expected: Expected) -> set[str]:
    return {each.item for each in expected.misfits}


def _items_that_differ(expected: Expected, evidence: Evidence) -> Iterable[str]:
    names = {f"{ITEMS}{each}.json": each for each in _whole_items(expected)}
    yield from (f"{each} is missing" for each in sorted(names.keys() - evidence.published.keys()))
    yield from (f"{each} is one too many" for each in sorted(evidence.published.keys() - names.keys()))
    for name in names.keys() & evidence.published.keys():
        keys = {each.key for each in expected.assets if each.item == names[name]}
        if keys != (found := evidence.published[name].document["assets"].keys()):
            yield f"{name} has the assets {', '.join(sorted(found))}, not {', '.join(sorted(keys))}"
    explained = {item for each in evidence.poison for item, _ in each.assets}
    yield from (f"nothing says why {each} is withheld" for each in sorted(_held_items(expected) - explained))


def _hrefs_that_lie(expected: Expected, evidence: Evidence) -> Iterable[str]:
    assets = {(each.item, each.key): each for each in expected.assets}
    for name, item in evidence.published.items():
        yield from (f"{href} answers {each.status}" for href, each in item.hrefs.items() if each.status != _OK)
        for key, said in item.document["assets"].items():
            asset = assets.get((name.removeprefix(ITEMS).removesuffix(".json"), key))
            found = item.hrefs[said["href"]]
            stated = said.get("file:size"), said.get("file:checksum"), found.length, found.sha256
            wanted = (asset.size, f"1220{asset.sha256}", asset.size, asset.sha256) if asset else None
            if stated != wanted:
                yield f"{name} {key} is said and found to be {stated}, not {wanted}"


def _misfit(assets: Iterable[tuple[str, str]], error: str | None) -> str:
    named = ", ".join(f"{item} {key}" for item, key in assets) or "no asset"
    return f"{named}: {error or 'no reason'}"


def _messages_left(evidence: Evidence) -> Iterable[str]:
    yield from (f"{name} holds {count}" for name, count in sorted(evidence.outstanding.items()) if count)


def _effects_twice(expected: Expected, evidence: Evidence) -> Iterable[str]:
    for asset in expected.assets:
        if (count := evidence.commits.get(asset.blob, 0)) != 1:
            yield f"{asset.blob} was committed {count} times"
    for keys, row in evidence.rows_at_kill.items():
        now = evidence.rows.get(keys)
        if now is None or now.version != row.version:
            yield f"the row of {row.item} {row.key} was written again or removed"
    if evidence.row_rewrites:
        yield f"{evidence.row_rewrites} rows were replaced or removed"


def _keys(expected: Expected, asset: ExpectedAsset) -> tuple[str, str]:
    return ledger_keys(expected.dataset, item=asset.item, key=asset.key)


def _unquoted(etag: str) -> str:
    return etag.strip('"')


def all_hold(checks: Sequence[Check]) -> bool:
    """Whether every check holds."""
    return all(each.holds for each in checks)
