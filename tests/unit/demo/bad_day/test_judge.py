import base64
import dataclasses
import datetime as dt
import json

import pytest

from demo.bad_day.day import Morning, Night
from demo.bad_day.judge import Found, judge, reasons
from demo.bad_day.junk import JUNK
from demo.bad_day.operator import Typed
from demo.bad_day.plan import ERRORS, SMALL, Trouble, planned
from demo.bad_day.poison import Poisoned
from demo.bad_day.site import Kill
from demo.evidence import BlobFact, Evidence, RowFact
from demo.expected import ExpectedAsset
from demo.judge import ledger_keys

NEVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
IN_A_WEEK = dt.datetime(2026, 1, 8, tzinfo=dt.UTC)
PLAN = planned(SMALL)
EXPECTED = PLAN.expected("http://source")
GOOD = [each for each in PLAN.files if each.trouble is None]
DELETED = GOOD[:2]
VICTIM = EXPECTED.assets[GOOD[5].number]


def poisoned(asset: ExpectedAsset, error: str | None, *, expires: dt.datetime = NEVER) -> Poisoned:
    text = base64.b64encode(json.dumps({"key": asset.key, "error": error}).encode()).decode()
    return Poisoned(queue="copy-poison", text=text, assets=((asset.item, asset.key),), error=error, expires=expires)


POISON = [
    *(
        poisoned(EXPECTED.assets[each.number], error)
        for each in PLAN.files
        if each.trouble and (error := ERRORS.get(each.trouble))
    ),
    *(Poisoned(queue=f"{each.queue}-poison", text=each.text, assets=(), error=None, expires=NEVER) for each in JUNK),
]


def typed(line: str, code: int) -> Typed:
    return Typed(line=line, code=code, out="", err="", seconds=1.5)


def blob(asset: ExpectedAsset) -> BlobFact:
    return BlobFact(length=asset.size, sha256=asset.sha256, etag=f'"{asset.key}"')


def row(asset: ExpectedAsset) -> RowFact:
    return RowFact(
        item=asset.item,
        key=asset.key,
        container="assets",
        blob=asset.blob,
        etag=asset.key,
        length=asset.size,
        digests=(f"sha256:{asset.sha256}",),
        version="1",
    )


def keys(asset: ExpectedAsset) -> tuple[str, str]:
    return ledger_keys("archive", item=asset.item, key=asset.key)


NIGHT = Night(
    kills=(Kill(pid=1, copies_in_flight=3), Kill(pid=2, copies_in_flight=1)),
    met=dict.fromkeys(Trouble, 2),
    before=[dataclasses.replace(POISON[0], expires=IN_A_WEEK), *POISON[1:]],
    preserved=POISON,
    after=POISON,
    clock_moved=True,
    deleted=DELETED,
)
MORNING = Morning(
    status=typed("sluice status", 1),
    listed=typed("sluice poison list", 1),
    redriven=typed("sluice poison redrive --yes", 1),
    dropped=typed("sluice poison drop --yes", 0),
    fixed=typed("sluice census archive --fix", 1),
    clean=typed("sluice census archive", 0),
    last_status=typed("sluice status", 0),
)
EVIDENCE = Evidence(
    blobs={each.blob: blob(each) for each in EXPECTED.assets},
    published={},
    rows={keys(each): row(each) for each in EXPECTED.assets},
    rows_at_kill={},
    poison=(),
    outstanding={"copy": 0, "copy-poison": 0},
    commits={each.blob: 1 for each in EXPECTED.assets} | {f"archive{each.path}": 2 for each in DELETED},
    row_rewrites=2,
    repeated_deliveries=4,
)
SOUND = Found(
    plan=PLAN,
    expected=EXPECTED,
    night=NIGHT,
    morning=MORNING,
    dropped=[each.text for each in JUNK],
    poison=(),
    evidence=EVIDENCE,
)


def night(**changes: object) -> Found:
    return dataclasses.replace(SOUND, night=dataclasses.replace(NIGHT, **changes))


def morning(**changes: object) -> Found:
    return dataclasses.replace(SOUND, morning=dataclasses.replace(MORNING, **changes))


def evidence(**changes: object) -> Found:
    return dataclasses.replace(SOUND, evidence=dataclasses.replace(EVIDENCE, **changes))


def without(asset: ExpectedAsset) -> Found:
    return evidence(
        blobs={name: each for name, each in EVIDENCE.blobs.items() if name != asset.blob},
    )


STRAY = ExpectedAsset(item="stray", key="stray", blob="archive/stray", size=1, sha256="aa")
MORTAL = [dataclasses.replace(POISON[0], expires=IN_A_WEEK), *POISON[1:]]
UNTOLD = [dataclasses.replace(POISON[0], error=None), *POISON[1:]]
ODD = Poisoned(queue="copy-poison", text="odd", assets=(), error=None, expires=NEVER)

DAMAGE: dict[str, tuple[Found, str]] = {
    "a trouble that nobody met": (
        night(met={each: 1 for each in Trouble if each is not Trouble.HANGING}),
        "nobody met hanging",
    ),
    "one kill": (night(kills=NIGHT.kills[:1]), "there were 1"),
    "a kill of nothing": (
        night(kills=(NIGHT.kills[0], Kill(pid=2, copies_in_flight=0))),
        "process 2 had nothing in flight",
    ),
    "nothing repeated": (evidence(repeated_deliveries=0), "no message was delivered again"),
    "nothing to preserve": (night(before=POISON), "the timer had nothing to do"),
    "not preserved": (night(preserved=MORTAL), "in copy-poison expires 2026-01-08"),
    "a clock that stands": (night(clock_moved=False), "clock did not move"),
    "lost poison": (night(after=POISON[1:]), "is gone from copy-poison"),
    "a duplicate of poison is lost": (night(preserved=[*POISON, POISON[0]]), "is gone from copy-poison"),
    "no reason": (night(after=UNTOLD), ": no reason is one too many"),
    "an innocent in poison": (night(after=[*POISON, poisoned(VICTIM, "NoProgressError")]), "NoProgressError is one"),
    "junk that went": (night(after=POISON[:-1]), "what is foreign JSON is missing"),
    "junk of nobody": (night(after=[*POISON, ODD]), "'odd' is one too many"),
    "status sees nothing": (morning(status=typed("sluice status", 0)), "'sluice status' ended with 0, not 1"),
    "census isn't clean": (morning(clean=typed("sluice census archive", 1)), "'sluice census archive' ended with 1"),
    "poison left": (dataclasses.replace(SOUND, poison=POISON[:1]), "stands in copy-poison"),
    "junk in no file": (dataclasses.replace(SOUND, dropped=[each.text for each in JUNK[1:]]), "is in no file"),
    "too much dropped": (dataclasses.replace(SOUND, dropped=[*SOUND.dropped, "odd"]), "'odd' was dropped, too"),
    "a message left": (evidence(outstanding={"copy": 1}), "copy holds 1"),
    "a blob too many": (evidence(blobs={**EVIDENCE.blobs, "stray": blob(VICTIM)}), "stray is one too many"),
    "a blob is missing": (without(VICTIM), f"{VICTIM.blob} is missing"),
    "other bytes": (
        evidence(blobs={**EVIDENCE.blobs, VICTIM.blob: dataclasses.replace(blob(VICTIM), sha256="bb")}),
        f"{VICTIM.blob} has {VICTIM.size} bytes and bb",
    ),
    "a row too many": (evidence(rows={**EVIDENCE.rows, ("a", "b"): row(STRAY)}), "a/b is one too many"),
    "a row is missing": (
        evidence(rows={each: found for each, found in EVIDENCE.rows.items() if each != keys(VICTIM)}),
        f"{VICTIM.item} {VICTIM.key} has none",
    ),
    "a row lies": (
        evidence(rows={**EVIDENCE.rows, keys(VICTIM): dataclasses.replace(row(VICTIM), etag="old")}),
        f"{VICTIM.item} {VICTIM.key}: the row says",
    ),
    "a blob written twice": (evidence(commits={**EVIDENCE.commits, VICTIM.blob: 2}), "was written 2 times, not 1"),
    "a deleted blob that isn't back": (
        evidence(commits={**EVIDENCE.commits, f"archive{DELETED[0].path}": 1}),
        "was written 1 times, not 2",
    ),
    "rows written again": (evidence(row_rewrites=3), "3 rows were replaced or removed"),
}


def test_sound() -> None:
    """What went as planned has nothing against it."""
    objections = [objection for check in judge(SOUND) for objection in check.objections]

    assert objections == []


@pytest.mark.parametrize(("found", "objection"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage(found: Found, objection: str) -> None:
    """Whatever isn't as it has to be is told of."""
    told = [each for check in judge(found) for each in check.objections]

    assert any(objection in each for each in told), told


def test_duplicates_of_poison_are_legal() -> None:
    """Poison that a killed worker sent twice is no objection while both stay."""
    twice = [*POISON, POISON[0]]

    checks = judge(night(preserved=twice, after=twice))

    assert [each for check in checks for each in check.objections] == []


def test_reasons() -> None:
    """Messages and their assets are counted by class; what is none of ours, and what has no reason, apart."""
    several = dataclasses.replace(POISON[1], assets=(("i", "j"), ("i", "k")))

    counts = reasons([UNTOLD[0], POISON[1], several, *POISON[-3:]])

    assert counts == {"no reason": (1, 1), POISON[1].error: (2, 3), "none of ours": (3, 0)}
