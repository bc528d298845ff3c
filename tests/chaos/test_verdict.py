"""The judge of the races sees each thing that can go wrong."""

import dataclasses
import datetime as dt

from demo.evidence import RowFact
from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue
from tests.chaos.blob_log import Kind, Write
from tests.chaos.flipping import SHORTEST, content
from tests.chaos.race import Race
from tests.chaos.standing import Standing, standing
from tests.chaos.verdict import Evidence, judge

NAME = "races/1/file.bin"
ASSET = Asset(item="item-1", key=NAME, href=f"http://127.0.0.1:1/{NAME}", name=NAME)
REQUEST = CopyRequest(dataset="races", cause="run", asked_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), assets=(ASSET,))
RACE = Race(number=1, assets=(ASSET,), requests=((Queue.COPY, REQUEST),))

OLD, NEW = (content(NAME, version=number, size=2 * SHORTEST) for number in (1, 2))
MIXED = OLD[:SHORTEST] + NEW[SHORTEST:]


def write(worker: int, body: bytes, *, made: Standing | None = None, **seen: str) -> Write:
    number, *_ = standing(body, etag="").versions
    status = 409 if made is None else 201
    return dataclasses.replace(
        Write(worker=worker, kind=Kind.COMMIT, blob=NAME, version=number, status=status, made=made), **seen
    )


def row(found: Standing, **changes: object) -> RowFact:
    fact = RowFact(
        item=ASSET.item,
        key=ASSET.key,
        container="assets",
        blob=NAME,
        etag=found.etag,
        length=found.length,
        digests=(f"sha256:{found.sha256}",),
        version="row-1",
    )
    return dataclasses.replace(fact, **changes)


FIRST, SECOND = standing(OLD, etag="one"), standing(NEW, etag="two")
GOOD = Evidence(
    races=[RACE],
    served={NAME: {FIRST.sha256: 1, SECOND.sha256: 2}},
    writes=[write(0, OLD, made=FIRST), write(1, NEW, made=SECOND, replaced="one", named="one")],
    seen=[(NAME, FIRST)],
    standing={NAME: SECOND},
    rows={ASSET.identity: row(SECOND)},
    poison={},
    outstanding=0,
)


def faults(**changes: object) -> set[str]:
    """Which measures say that something is wrong."""
    verdict = judge(dataclasses.replace(GOOD, **changes))
    return {name for name, cases in verdict.faults.items() if cases}


def test_all_is_well() -> None:
    """A race between two workers that left one whole blob and a row that names it."""
    verdict = judge(GOOD)

    assert verdict.is_good
    assert (verdict.races, verdict.contested, verdict.between_processes) == (1, 1, 1)
    assert faults() == set()


def test_one_worker_alone_is_no_race() -> None:
    """Nothing is wrong, and nothing was shown."""
    verdict = judge(dataclasses.replace(GOOD, writes=[write(0, NEW, made=SECOND)]))

    assert not any(verdict.faults.values())
    assert (verdict.contested, verdict.between_processes, verdict.is_good) == (0, 0, False)


def test_two_invocations_of_one_process_race() -> None:
    """They are told apart by the versions that they read."""
    verdict = judge(dataclasses.replace(GOOD, writes=[write(0, OLD), write(0, NEW, made=SECOND)]))

    assert (verdict.contested, verdict.between_processes) == (1, 0)


def test_lost() -> None:
    """No row, and not in poison."""
    assert faults(rows={}) == {"lost"}


def test_poisoned() -> None:
    """The sources are good, so whatever stands in poison is there wrongly; but it isn't lost."""
    assert faults(rows={}, poison={ASSET.identity: "TruncatedBodyError"}) == {"poisoned wrongly"}


def test_unfinished() -> None:
    """A message that is still there when the time is up."""
    assert faults(outstanding=1) == {"unfinished"}


def test_mixed_at_the_end() -> None:
    """What stands there is none of the versions; and its row can't be true then."""
    mixed = standing(MIXED, etag="two")

    assert mixed.versions == (1, 2)
    assert faults(standing={NAME: mixed}) == {"mixed"}


def test_cut_short() -> None:
    """A part of a version is none."""
    assert faults(standing={NAME: standing(NEW[:-1], etag="two")}) == {"mixed"}


def test_mixed_for_a_moment() -> None:
    """What was replaced since counts, too, whether the log or the reader saw it."""
    mixed = standing(MIXED, etag="one")

    assert faults(seen=[(NAME, mixed)]) == {"mixed"}
    assert faults(writes=[write(0, OLD, made=mixed), GOOD.writes[1]]) == {"mixed"}


def test_a_row_of_a_blob_that_never_stood() -> None:
    """Its ETag came from nowhere, or its name is another one."""
    assert faults(rows={ASSET.identity: row(SECOND, etag="three")}) == {"lies"}
    assert faults(rows={ASSET.identity: row(SECOND, blob="races/2/file.bin")}) == {"lies"}


def test_a_row_that_says_other_bytes() -> None:
    """Its ETag is right, and length or digest are not; or it states no digest at all."""
    assert faults(rows={ASSET.identity: row(SECOND, length=1)}) == {"lies"}
    assert faults(rows={ASSET.identity: row(SECOND, digests=(f"sha256:{FIRST.sha256}",))}) == {"lies"}
    assert faults(rows={ASSET.identity: row(SECOND, digests=())}) == {"lies"}


def test_a_row_of_a_blob_that_was_replaced() -> None:
    """When all is quiet, a row names what stands there."""
    assert faults(rows={ASSET.identity: row(FIRST)}) == {"lies"}


def test_overwritten() -> None:
    """A write that was granted over a blob that it didn't name."""
    assert faults(writes=[GOOD.writes[0], write(1, NEW, made=SECOND, replaced="one")]) == {"overwritten"}
