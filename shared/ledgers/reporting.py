"""What a run came to, asset by asset: its kept pages, beside the ledger's rows and the failures."""

import dataclasses
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from shared.ledgers.outcomes import Asker, Line, Outcome, is_refusal, line_of, refused_line
from shared.ledgers.summaries import Summary, Word, word_of
from shared.ledgers.walking import KeptPage, Walk
from shared.model.assets import Asset
from shared.model.causes import Cause
from shared.model.counts import judge
from shared.model.datasets import Datasets
from shared.model.errors import UnknownRunError
from shared.model.plans import PlanTotals
from shared.model.rows import Failure, Run, RunState
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.plans import Totals
from shared.storage.runs import Runs

logger = logging.getLogger(__name__)

_ID_TIME = "%Y%m%dT%H%M%SZ"
_NO_PAGES = "no page of it is kept: they are for a month"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """Makes receipts of runs. All methods raise StorageFailedError."""

    datasets: Datasets
    runs: Runs
    totals: Totals
    ledger: Ledger
    failures: Failures
    #: After so many deliveries of a message the runtime puts it aside.
    most_deliveries: int

    async def receipt(self, run: str, *, dataset: str | None = None) -> "Receipt":
        """The receipt of a run, of this dataset or of the one that has it.

        The run store has the newest run of each dataset; of an older one it is known what its pages say, as long as
        they are kept. Raises UnknownDatasetError, and UnknownRunError where nothing is known of it, or for a plan.
        """
        names = [dataset] if dataset is not None else sorted(self.datasets.datasets)
        for name in names:
            defined = self.datasets.named(name)
            entry = await self.runs.newest(name)
            newest = entry.run if entry and entry.run.run == run else None
            passes = await self._passes(name, run, newest=newest)
            if newest is None and not passes:
                continue
            if await self.totals.total(name, run, pass_number=1) != PlanTotals():
                raise UnknownRunError(f"{run!r} is a plan, which asks for nothing; its status tells what it found")
            asker = Asker(
                dataset=name,
                run=run,
                began_at=newest.began_at if newest else _began(run),
                mode=defined.policy.on_existing,
                kind=newest.kind if newest else None,
                most_deliveries=self.most_deliveries,
            )
            return Receipt(self, asker, newest=newest, passes=passes)
        raise UnknownRunError(f"{run!r} is no run of {', '.join(names)} that is known; {_NO_PAGES}")

    async def _passes(self, dataset: str, run: str, *, newest: Run | None) -> list[int]:
        """The passes of a run, in their order."""
        if newest is not None:
            return list(range(1, newest.pass_number + 1))
        passes: list[int] = []
        while await self._has_begun(dataset, run, len(passes) + 1):
            passes.append(len(passes) + 1)
        return passes

    async def _has_begun(self, dataset: str, run: str, number: int) -> bool:
        if await self.runs.page(dataset, run, place=(number, 0)) is not None:
            return True
        return await self.runs.part(dataset, run, place=(number, 0, 0)) is not None


class Receipt:
    """One run's lines, and then their summary."""

    def __init__(self, reporting: Reporting, asker: Asker, *, newest: Run | None, passes: Sequence[int]) -> None:
        self.dataset = asker.dataset
        self._reporting = reporting
        self._asker = asker
        self._newest = newest
        cause = Cause(dataset=asker.dataset, name=asker.run, asked_at=asker.began_at)
        #: The newest pass first.
        self._walks = [Walk(reporting.runs, cause, each) for each in reversed(passes)]
        self._assets = Counter[Outcome]()
        self._bytes = 0

    @property
    def pages(self) -> int:
        """Pages that were looked at so far."""
        return sum(each.pages for each in self._walks)

    async def lines(self) -> AsyncIterator[Line]:
        """Every asset of the run once: those of its newest pass, then what only older ones listed, then refusals.

        One page is in memory at a time; of a run of several passes also a number for each of its assets.
        """
        listed: set[int] | None = set() if len(self._walks) > 1 else None
        for walk in self._walks:
            # Where a catalog moves while it is read, the next page begins with what this one has.
            before: set[tuple[str, str]] = set()
            async for kept in walk.kept():
                assets = [each for each in (*kept.asked, *kept.not_asked) if each.identity not in before]
                before = {each.identity for each in (*kept.asked, *kept.not_asked)}
                if listed is not None:
                    assets = [each for each in assets if hash(each.identity) not in listed]
                    listed |= {hash(each.identity) for each in assets}
                for line in await self._lines(kept, assets):
                    yield self._counted(line)
        async for failure in self._reporting.failures.all_of(self.dataset):
            if is_refusal(failure, run=self._asker.run):
                yield self._counted(refused_line(failure, run=self._asker.run))

    async def summary(self) -> Summary:
        """All lines together, once they have come."""
        state, reason = await self._state()
        newest, walk = self._newest, self._walks[0] if self._walks else None
        refused = walk.refused_items if walk else 0
        notes = self._notes()
        word = word_of(state, self._assets, has_errors=bool(refused) or any(each.gone for each in self._walks))
        errors = self._errors(refused) if word is Word.COMPLETED_WITH_ERRORS else None
        summary = Summary(
            dataset=self.dataset,
            run=self._asker.run,
            status=word,
            reason="; ".join(filter(None, [reason, errors])) or None,
            state=newest.state if newest else None,
            began_at=self._asker.began_at,
            ended_at=newest.ended_at if newest else None,
            pages=self.pages,
            assets={each: self._assets[each] for each in Outcome},
            bytes=self._bytes,
            refused_items=refused,
            notes=tuple(notes),
        )
        extra = {"action": "run_reported", **summary.model_dump(mode="json", exclude={"notes", "reason"})}
        logger.info("run reported", extra=extra)
        return summary

    async def _lines(self, kept: KeptPage, assets: Sequence[Asset]) -> list[Line]:
        items = list(dict.fromkeys(each.item for each in assets))
        entries = await self._reporting.ledger.of_items(self.dataset, items)
        found = await each_of(items, lambda item: self._reporting.failures.of_item(self.dataset, item))
        failures: dict[tuple[str, str], Failure] = {(each.item, each.key): each for some in found for each in some}
        asked = {each.identity for each in kept.asked}
        return [
            line_of(
                each,
                entries[each.identity].row if each.identity in entries else None,
                failures.get(each.identity),
                asker=self._asker,
                place=kept.place,
                is_asked=each.identity in asked,
            )
            for each in assets
        ]

    def _counted(self, line: Line) -> Line:
        self._assets[line.outcome] += 1
        if line.outcome is Outcome.COPIED:
            self._bytes += line.bytes or 0
        return line

    async def _state(self) -> tuple[RunState, str | None]:
        """Where the run stands, and why; of an older one what its pages and counts say."""
        if self._newest is not None:
            return self._newest.state, self._newest.reason
        walk = self._walks[0]
        if walk.capped_because is not None:
            return RunState.CAPPED, walk.capped_because
        if walk.open_windows > 0 or not walk.is_all_done:
            return RunState.FAILED, "its pages end before its catalog does: it failed, was cancelled or was superseded"
        windows = await self._reporting.runs.windows(self.dataset, self._asker.run, pass_number=walk.pass_number)
        because = judge(windows).because
        return (RunState.COMPLETE, None) if because is None else (RunState.INCOMPLETE, because)

    def _errors(self, refused: int) -> str:
        """What is wrong of its assets."""
        wrong = (Outcome.FAILED, Outcome.REFUSED, Outcome.NOT_ASKED)
        counts = [f"{self._assets[each]} {each.replace('_', ' ')}" for each in wrong if self._assets[each]]
        gone = sum(each.gone for each in self._walks)
        told = {
            "assets": ", ".join(counts),
            "pages that aren't kept any more": gone,
            "items refused at discovery": refused,
        }
        return "; ".join(f"{what}: {number}" for what, number in told.items() if number)

    def _notes(self) -> list[str]:
        notes: list[str] = []
        if self._newest is None:
            notes.append("a newer run has begun: this one's state is told from its pages and counts")
        if gone := sum(each.gone for each in self._walks):
            notes.append(f"pages that aren't kept any more, so their assets aren't in the report: {gone}")
        if len(self._walks) > 1:
            notes.append(f"it went through its catalog {len(self._walks)} times; each asset counts once")
        refused = self._walks[0].refused_items if self._walks else 0
        if refused > self._assets[Outcome.REFUSED]:
            told = f"{self._assets[Outcome.REFUSED]} of {refused} refused items are told of"
            notes.append(f"{told}: of the others another run or event has recorded something since")
        return notes


def _began(run: str) -> datetime:
    """When a run began, by its id; raises UnknownRunError for what is no run's."""
    try:
        return datetime.strptime(run.partition("-")[0], _ID_TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise UnknownRunError(f"{run!r} is no run's id: it begins with a time, such as 20240131T060000Z") from error
