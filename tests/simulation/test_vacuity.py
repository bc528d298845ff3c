"""The simulator finds what is planted: bugs in the product's own code, each found by the rule that it breaks."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.copying import engine, staging
from shared.copying.blocks import block_id, block_name
from shared.copying.delivery import Copying
from shared.copying.digests import Digests
from shared.copying.engine import Engine
from shared.copying.fates import Fates
from shared.copying.integrity import Expected
from shared.copying.job import Job, Kept
from shared.copying.staging import Staging
from shared.copying.wholes import Wholes
from shared.discovery.asking import Asking
from shared.discovery.looking import Part, look
from shared.discovery.pages import Discovery
from shared.discovery.withholding import Withholding
from shared.model.datasets import OnExisting
from shared.model.items import PlannedPage
from shared.model.rows import LedgerRow, Run
from shared.sources.body import Body
from tests.simulation.shrinking import shrink
from tests.simulation.world import Schedule, run_seed

#: Seeds in which a bug is found.
_WITHIN = 600


async def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _nothing_missed(*_: object, **__: object) -> Sequence[Expected]:
    """Whatever the bytes are."""
    return ()


async def _theirs(self: Engine, job: Job, row: LedgerRow) -> Kept:
    """Whoever wrote first wrote what we wanted."""
    standing = await self.blobs.look(job.path)
    return Kept(row=row.model_copy(update={"etag": standing.etag if standing else ""}))


async def _look_only(self: Asking, run: Run, page: PlannedPage, *, part: int, mode: OnExisting) -> Part:
    """Ask for nothing."""
    return await look(run, page, part=part, mode=mode, ledger=self.ledger)


def _resume_whatever(self: Staging, *, block_size: int, total: int) -> int:
    """Take any staged blocks for those of this version."""
    already = self._already  # pyright: ignore[reportPrivateUsage] - what is planted stands within
    named = {each: name for each in already if (name := block_name(each))}
    self.ids = sorted(named, key=lambda each: named[each].index)[: (total - 1) // block_size]
    return len(self.ids) * block_size


def _fixed_ids(version: bytes, index: int, *, sha256: bytes) -> str:
    """Leave out what a block's bytes are."""
    return block_id(bytes(len(version)), index, sha256=bytes(len(sha256)))


def _any_length(verified: Callable[..., LedgerRow]) -> Callable[..., LedgerRow]:
    """Don't compare the length with what the source stated."""

    def verify(self: Engine, job: Job, body: Body, whole: Digests) -> LedgerRow:
        asset = job.asset.model_copy(update={"size": None})
        row = verified(self, dataclasses.replace(job, asset=asset), dataclasses.replace(body, length=None), whole)
        return row.model_copy(update={"description": job.asset.description})

    return verify


_VERIFIED: Callable[..., LedgerRow] = vars(Engine)["_verified"]
#: Where each is planted, and the rules by which it may be found.
_PLANTS: dict[str, tuple[object, str, Any, Sequence[str]]] = {
    "what failed is forgotten": (Fates, "settle", _nothing, ["S1"]),
    "what is deferred isn't sent again": (Fates, "_defer", _nothing, ["S1"]),
    "what is unfinished isn't sent again": (Fates, "_resend", _nothing, ["S1"]),
    "what failed for good isn't put aside": (Fates, "_poison", _nothing, ["S1"]),
    "a withheld page isn't sent again": (Discovery, "_withhold", _nothing, ["S5"]),
    "nothing is withheld": (Withholding, "because", _nothing, ["S15"]),
    "a page asks for nothing": (Asking, "ask", _look_only, ["S5", "S16", "rule 12"]),
    "nobody asks for publishing": (Wholes, "after_rows", _nothing, ["L1"]),
    "a wrong checksum passes": (engine, "missed", _nothing_missed, ["S2"]),
    "a short body passes": (Engine, "_verified", _any_length(_VERIFIED), ["S2"]),
    "who lost is taken to have won": (Engine, "_theirs", _theirs, ["S3"]),
    "block ids don't say what a block is": (staging, "block_id", _fixed_ids, ["S7", "S2", "S3"]),
    "any staged block is resumed from": (Staging, "resume", _resume_whatever, ["S2", "S3"]),
    "rows are never written": (Copying, "_record", _nothing, ["unforeseen"]),
}


@pytest.mark.parametrize("name", _PLANTS)
@pytest.mark.timeout(240)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a rule that it breaks, and soon."""
    where, what, planted, rules = _PLANTS[name]
    monkeypatch.setattr(where, what, planted)

    found = _first_failure()

    assert found.outcome.violations[0].rule in rules


def test_a_failing_schedule_is_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left breaks the same rule by fewer decisions, without any of which it wouldn't."""
    monkeypatch.setattr(Fates, "_defer", _nothing)
    found = _first_failure()

    small = shrink(found)

    assert small.outcome.violations[0].rule == found.outcome.violations[0].rule
    assert len(small.made) < len(found.made)
    for each in small.made:
        rest = run_seed(found.seed, only=[other for other in small.made if other != each])
        assert rest.outcome.violations == ()


def _first_failure() -> Schedule:
    for seed in range(_WITHIN):
        schedule = run_seed(seed)
        if schedule.outcome.violations:
            return schedule
    raise AssertionError(f"it wasn't found within {_WITHIN} seeds")
