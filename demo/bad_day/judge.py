"""The verdict on a bad day: what was found, compared with the plan; nothing of ``shared`` is imported."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from demo.bad_day.day import Morning, Night
from demo.bad_day.junk import JUNK
from demo.bad_day.plan import DATASET, ERRORS, Plan, Trouble
from demo.bad_day.poison import Poisoned
from demo.evidence import Evidence
from demo.expected import Expected, ExpectedAsset
from demo.judge import Check, ledger_keys

_KILLS = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that there is to judge by."""

    plan: Plan
    expected: Expected
    night: Night
    morning: Morning
    #: The texts of the messages that ``poison drop`` wrote into its file.
    dropped: Sequence[str]
    #: What stands in the poison queues at the end.
    poison: Sequence[Poisoned]
    evidence: Evidence


def judge(found: Found) -> tuple[Check, ...]:
    """Compare; every check is made whatever the others say."""
    return (*_of_night(found), *_of_poison(found), *_of_commands(found.morning), *_of_end(found))


def _of_night(found: Found) -> tuple[Check, ...]:
    night = found.night
    return (
        Check(
            claim="every trouble that was planned was met at the source: "
            + ", ".join(f"{name.value} {count}" for name, count in sorted(night.met.items())),
            objections=tuple(f"nobody met {each.value}" for each in Trouble if not night.met.get(each)),
        ),
        Check(
            claim=f"{_KILLS} deployments killed workers with copies in flight, and work was delivered again: "
            f"{found.evidence.repeated_deliveries} times",
            objections=tuple(_kills_that_miss(found)),
        ),
    )


def _of_poison(found: Found) -> tuple[Check, ...]:
    night = found.night
    mortal = sum(not each.stays for each in night.before)
    return (
        Check(
            claim=f"{mortal} messages would have been gone in a week; after the hourly timer none expires",
            objections=tuple(_mortality(night)),
        ),
        Check(
            claim=f"eight days later all {len(night.preserved)} messages still stand in the poison queues",
            objections=tuple(_gone(night)),
        ),
        Check(
            claim="each asset that failed stands there with its error, each piece of junk as it was, and nothing else",
            objections=tuple(_unexplained(found)),
        ),
    )


def _of_commands(morning: Morning) -> tuple[Check, ...]:
    codes = (
        (morning.status, 1),
        (morning.listed, 1),
        # The junk stays where it is.
        (morning.redriven, 1),
        (morning.dropped, 0),
        (morning.fixed, 1),
        (morning.clean, 0),
        (morning.last_status, 0),
    )
    return (
        Check(
            claim="the commands found problems at first, and none at the end",
            objections=tuple(
                f"{each.line!r} ended with {each.code}, not {code}" for each, code in codes if each.code != code
            ),
        ),
    )


def _of_end(found: Found) -> tuple[Check, ...]:
    expected, evidence = found.expected, found.evidence
    left = {name: count for name, count in evidence.outstanding.items() if count}
    return (
        Check(
            claim="nothing is poison any more but what was dropped into a file, word by word",
            objections=tuple(_poison_left(found)),
        ),
        Check(
            claim="no queue holds a message",
            objections=tuple(f"{name} holds {count}" for name, count in sorted(left.items())),
        ),
        Check(
            claim=f"nothing is lost: {len(expected.assets)} blobs, each with the SHA-256 of its file, and no other",
            objections=tuple(_blobs_that_differ(expected, evidence)),
        ),
        Check(
            claim=f"the ledger has exactly the {len(expected.assets)} rows of these assets, each true of its blob",
            objections=tuple(_rows_that_differ(expected, evidence)),
        ),
        Check(
            claim="nothing is doubled: each blob was written once, those that were deleted twice",
            objections=tuple(_written_too_often(found)),
        ),
    )


def _kills_that_miss(found: Found) -> Iterable[str]:
    if len(found.night.kills) != _KILLS:
        yield f"there were {len(found.night.kills)}"
    yield from (f"process {each.pid} had nothing in flight" for each in found.night.kills if not each.copies_in_flight)
    if not found.evidence.repeated_deliveries:
        yield "no message was delivered again"


def _mortality(night: Night) -> Iterable[str]:
    if all(each.stays for each in night.before):
        yield "none would have been gone: the timer had nothing to do"
    yield from (f"{_told(each)} in {each.queue} expires {each.expires}" for each in night.preserved if not each.stays)


def _gone(night: Night) -> Iterable[str]:
    if not night.clock_moved:
        yield "the storage's clock did not move as it was to"
    left = collections.Counter((each.queue, each.text) for each in night.after)
    for each in night.preserved:
        if not left[each.queue, each.text]:
            yield f"{_told(each)} is gone from {each.queue}"
        left[each.queue, each.text] -= 1


def _unexplained(found: Found) -> Iterable[str]:
    # Sets: whoever dies between sending such a message and acknowledging its own sends it twice, which is legal.
    wanted = {
        (*_identity(found, path=each.path), error)
        for each in found.plan.files
        if each.trouble and (error := ERRORS.get(each.trouble))
    }
    told = {(item, key, each.error or "no reason") for each in found.night.after for item, key in each.assets}
    yield from (f"{item} {key}: {error} is missing" for item, key, error in sorted(wanted - told))
    yield from (f"{item} {key}: {error} is one too many" for item, key, error in sorted(told - wanted))
    texts = {each.text for each in found.night.after if not each.assets}
    yield from (f"what is {each.what} is missing" for each in JUNK if each.text not in texts)
    yield from (f"{each[:80]!r} is one too many" for each in sorted(texts - {each.text for each in JUNK}))


def _poison_left(found: Found) -> Iterable[str]:
    yield from (f"{_told(each)} stands in {each.queue}" for each in found.poison)
    wanted = collections.Counter(each.text for each in found.night.after if not each.assets)
    dropped = collections.Counter(found.dropped)
    yield from (f"{each[:80]!r} is in no file" for each in (wanted - dropped).elements())
    yield from (f"{each[:80]!r} was dropped, too" for each in (dropped - wanted).elements())


def _blobs_that_differ(expected: Expected, evidence: Evidence) -> Iterable[str]:
    names = {each.blob for each in expected.assets}
    yield from (f"{name} is one too many" for name in sorted(evidence.blobs.keys() - names))
    for asset in expected.assets:
        blob = evidence.blobs.get(asset.blob)
        if blob is None:
            yield f"{asset.blob} is missing"
        elif (blob.length, blob.sha256) != (asset.size, asset.sha256):
            yield f"{asset.blob} has {blob.length} bytes and {blob.sha256}, not {asset.size} and {asset.sha256}"


def _rows_that_differ(expected: Expected, evidence: Evidence) -> Iterable[str]:
    keys = {ledger_keys(DATASET, item=each.item, key=each.key): each for each in expected.assets}
    yield from (f"{'/'.join(each)} is one too many" for each in sorted(evidence.rows.keys() - keys.keys()))
    for each, asset in keys.items():
        row = evidence.rows.get(each)
        if row is None:
            yield f"{asset.item} {asset.key} has none"
            continue
        blob = evidence.blobs.get(asset.blob)
        says = (row.blob, row.length, row.etag.strip('"'), f"sha256:{asset.sha256}" in row.digests)
        if says != (asset.blob, asset.size, blob.etag.strip('"') if blob else None, True):
            yield f"{asset.item} {asset.key}: the row says {says}"


def _written_too_often(found: Found) -> Iterable[str]:
    deleted = {f"{DATASET}{each.path}" for each in found.night.deleted}
    for asset in found.expected.assets:
        wanted = 2 if asset.blob in deleted else 1
        if (count := found.evidence.commits.get(asset.blob, 0)) != wanted:
            yield f"{asset.blob} was written {count} times, not {wanted}"
    rewritten = found.evidence.row_rewrites
    if rewritten > len(deleted):
        yield f"{rewritten} rows were replaced or removed, where {len(deleted)} blobs had been deleted"


def _identity(found: Found, *, path: str) -> tuple[str, str]:
    asset = _by_blob(found.expected)[f"{DATASET}{path}"]
    return asset.item, asset.key


def _by_blob(expected: Expected) -> Mapping[str, ExpectedAsset]:
    return {each.blob: each for each in expected.assets}


def _told(each: Poisoned) -> str:
    named = ", ".join(f"{item} {key}" for item, key in each.assets)
    return named or repr(each.text[:80])


def reasons(poison: Iterable[Poisoned]) -> Mapping[str, tuple[int, int]]:
    """How many messages there are of each class, and how many assets those name."""
    found: dict[str, tuple[int, int]] = {}
    for each in poison:
        name = each.error or ("no reason" if each.assets else "none of ours")
        messages, assets = found.get(name, (0, 0))
        found[name] = messages + 1, assets + len(each.assets)
    return found
