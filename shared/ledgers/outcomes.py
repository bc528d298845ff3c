"""What became of an asset that a run was to ask for. Words for a report, never for the ledger."""

import dataclasses
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.model.assets import Asset
from shared.model.datasets import OnExisting
from shared.model.errors import Fate
from shared.model.rows import Failure, LedgerRow, RunKind


class Outcome(StrEnum):
    """How it stands with an asset now."""

    #: This run's request brought it: its blob was written, or stood there and was found to agree.
    COPIED = "copied"
    #: It was whole as described before the run began: nothing was asked for.
    SKIPPED = "skipped"
    #: It is whole, by another run or event since this one began.
    SUPERSEDED = "superseded"
    #: The catalog lists it and nobody can copy it: it was never asked for.
    REFUSED = "refused"
    #: Its last attempt failed, and no other follows.
    FAILED = "failed"
    #: It was asked for, and isn't there yet; why its last attempt failed stands beside, where one did.
    OUTSTANDING = "outstanding"
    #: The run hasn't asked for it: it hasn't come so far, was ended, or reached its dataset's caps.
    NOT_ASKED = "not_asked"


class Line(BaseModel):
    """One asset of a run."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    run: str
    #: Where it was listed; None for what was refused.
    pass_number: int | None = None
    page: int | None = None
    item: str
    key: str
    #: Unsigned.
    href: str
    outcome: Outcome
    #: Of the blob; None where it isn't whole.
    container: str | None = None
    blob: str | None = None
    etag: str | None = None
    bytes: int | None = None
    digests: tuple[str, ...] = ()
    verified_by: str | None = None
    #: The source's.
    validator: str | None = None
    #: The run or event that brought it, and when.
    cause: str | None = None
    completed_at: AwareDatetime | None = None
    #: Attempts that failed, over all runs.
    failed_attempts: int = 0
    #: The class of the last failure, its redacted text, and when; where that is news.
    error: str | None = None
    message: str | None = None
    failed_at: AwareDatetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The run, as far as outcomes depend on it."""

    dataset: str
    run: str
    began_at: AwareDatetime
    #: What becomes of blobs that stand there, as the dataset says now.
    mode: OnExisting
    kind: RunKind | None
    #: After so many deliveries of a message the runtime puts it aside.
    most_deliveries: int


def line_of(
    asset: Asset,
    row: LedgerRow | None,
    failure: Failure | None,
    *,
    asker: Asker,
    place: tuple[int, int],
    is_asked: bool,
) -> Line:
    """The line of an asset, listed at (pass, page)."""
    outcome = _outcome(asset, row, failure, asker=asker, is_asked=is_asked)
    whole = row if outcome in {Outcome.COPIED, Outcome.SKIPPED, Outcome.SUPERSEDED} else None
    shown: dict[str, object] = {}
    if whole:
        names = {"container", "blob", "etag", "digests", "verified_by", "validator", "cause", "completed_at"}
        shown |= whole.model_dump(include=names) | {"bytes": whole.length}
    elif failure and failure.last_at >= asker.began_at:
        shown |= _failed(failure)
    line = Line(
        dataset=asker.dataset,
        run=asker.run,
        pass_number=place[0],
        page=place[1],
        item=asset.item,
        key=asset.key,
        href=asset.href,
        outcome=outcome,
        failed_attempts=failure.attempts if failure else 0,
    )
    return line.model_copy(update=shown)


def refused_line(failure: Failure, *, run: str) -> Line:
    """The line of something that the run recorded as a refusal."""
    line = Line(
        dataset=failure.dataset,
        run=run,
        item=failure.item,
        key=failure.key,
        href=failure.href,
        outcome=Outcome.REFUSED,
        failed_attempts=failure.attempts,
    )
    return line.model_copy(update=_failed(failure))


def is_refusal(failure: Failure, *, run: str) -> bool:
    """Tell a run's refusals from attempts that failed, which have an address."""
    return failure.cause == run and not failure.href


def _outcome(asset: Asset, row: LedgerRow | None, failure: Failure | None, *, asker: Asker, is_asked: bool) -> Outcome:
    if row is not None and (whole := _whole(asset, row, asker=asker)) is not None:
        return whole
    if not is_asked:
        return Outcome.NOT_ASKED
    if failure is None or failure.last_at < asker.began_at:
        return Outcome.OUTSTANDING
    # Attempts are counted over all runs: where an older run's are among them, this says too early that it has failed.
    is_put_aside = failure.fate == Fate.RETRY and failure.attempts >= asker.most_deliveries
    return Outcome.FAILED if failure.fate == Fate.POISON or is_put_aside else Outcome.OUTSTANDING


def _whole(asset: Asset, row: LedgerRow, *, asker: Asker) -> Outcome | None:
    """How an asset came to be whole as this run described it; None: it isn't, or the run asks for it anew."""
    settles = row.settles(asset, cause=asker.run, asked_at=asker.began_at)
    if settles and row.cause == asker.run:
        return Outcome.COPIED
    if not settles and not row.stands_for(asset, asked_at=asker.began_at):
        return None
    if row.completed_at >= asker.began_at:
        return Outcome.SUPERSEDED
    depends_on_source = asker.mode is OnExisting.IF_SOURCE_CHANGED and asker.kind is not RunKind.INCREMENTAL
    asks_anew = asker.mode is OnExisting.REPLACE or depends_on_source
    return None if asks_anew and not settles else Outcome.SKIPPED


def _failed(failure: Failure) -> dict[str, object]:
    return {"error": failure.error, "message": failure.message, "failed_at": failure.last_at}
