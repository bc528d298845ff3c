"""One delivery of a copy request: what is done is skipped, the rest is copied, each failure meets its fate."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.copying.early import with_grace
from shared.copying.fates import Fates
from shared.copying.job import Copied, Job, Outcome
from shared.copying.wholes import Wholes
from shared.model.assets import Asset
from shared.model.datasets import Dataset, Datasets
from shared.model.errors import DestinationContendedError, MalformedRequestError, UnknownDatasetError
from shared.model.messages import CopyRequest, Queue
from shared.model.rows import Activity
from shared.storage.ledger import Identity, Ledger, Write
from shared.storage.meter import Meter

logger = logging.getLogger(__name__)

#: Assets of one request that are copied at once.
_AT_ONCE = 16
#: How often a request is decided again because its ledger rows changed meanwhile.
_ROUNDS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """The use case behind the copy queues."""

    datasets: Datasets
    ledger: Ledger
    #: ``Engine.copy``.
    copy: Callable[[Job], Awaitable[Outcome]]
    fates: Fates
    wholes: Wholes
    meter: Meter
    clock: Callable[[], datetime]
    #: How long a delivery may take before it is sent again to go on.
    deadline: timedelta

    async def deliver(self, body: bytes, *, lane: Queue) -> None:
        """Work one message of a lane.

        Returns once every asset is in the ledger or durably handed on; then the message may be deleted. Raises where
        all that is left is worth a retry. A repeated delivery of finished work reads the ledger and does nothing else.
        """
        try:
            request = CopyRequest.decode(body)
        except MalformedRequestError as error:
            await self.fates.refuse(body, error, lane=lane)
            return
        try:
            dataset = self.datasets.named(request.dataset)
        except UnknownDatasetError as error:
            await self.fates.settle(request, dict.fromkeys(request.assets, error), lane=lane)
            return
        try:
            failed = await self._copy_all(request, dataset)
        except Exception as error:  # noqa: BLE001 - the ledger's trouble is every asset's, and goes into the same books
            failed = dict.fromkeys(request.assets, error)
        failed = with_grace(failed, request=request, dataset=dataset, now=self.clock())
        # A failed send makes the whole delivery retry, so that no item waits for somebody who thinks that it has asked.
        await self.wholes.after_rows(request, dataset, failed=failed)
        await self.fates.settle(request, failed, lane=lane)
        await self.wholes.after_failures(request, dataset, failed=failed)

    async def _copy_all(self, request: CopyRequest, dataset: Dataset) -> Mapping[Asset, Exception]:
        """Copy what isn't done until the ledger says so; return what failed."""
        deadline = self.clock() + self.deadline
        failed: dict[Asset, Exception] = {}
        pending: Sequence[Asset] = request.assets
        for number in range(_ROUNDS):
            jobs = await self._jobs(request, dataset, pending, deadline=deadline)
            # Whose row was lost has perhaps replaced the blob that the row stands for: its blob is looked at, too.
            outcomes = await self._outcomes([job for job in jobs if number or job.is_checked or not job.is_done])
            failed |= {job.asset: each for job, each in outcomes if isinstance(each, Exception)}
            done = [(job, each) for job, each in outcomes if not isinstance(each, Exception)]
            lost = await self._record(done)
            pending = [job.asset for job, _ in done if job.asset.identity in lost]
            if not pending:
                return failed
        changing = DestinationContendedError("the ledger row was changed by somebody else again and again")
        return failed | dict.fromkeys(pending, changing)

    async def _jobs(
        self, request: CopyRequest, dataset: Dataset, pending: Sequence[Asset], *, deadline: datetime
    ) -> list[Job]:
        entries = await self.ledger.of(request.dataset, [each.identity for each in pending])
        return [
            Job(
                dataset_name=request.dataset,
                dataset=dataset,
                asset=asset,
                cause=request.cause,
                asked_at=request.asked_at,
                entry=entries.get(asset.identity),
                deadline=deadline,
                staged_before=request.staged_blocks,
            )
            for asset in pending
        ]

    async def _outcomes(self, jobs: Sequence[Job]) -> list[tuple[Job, Outcome | Exception]]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def outcome(job: Job) -> Outcome | Exception:
            async with slots:
                try:
                    return await self.copy(job)
                except Exception as error:  # noqa: BLE001 - every failure has a fate; one asset's is not its sibling's
                    return error

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(outcome(job)) for job in jobs]
        return [(job, task.result()) for job, task in zip(jobs, tasks, strict=True)]

    async def _record(self, done: Sequence[tuple[Job, Outcome]]) -> set[Identity]:
        """Write the rows in one transaction; return whose row somebody else changed meanwhile."""
        if not done:
            return set()
        writes = [Write(row=each.row, replaces=job.entry.etag if job.entry else None) for job, each in done]
        copied_at = self.clock()
        lost = {(each.row.item, each.row.key) for each in await self.ledger.record(writes)}
        for job, each in done:
            if job.asset.identity not in lost:
                self._tell(job, each, copied_at=copied_at)
        return lost

    def _tell(self, job: Job, outcome: Outcome, *, copied_at: datetime) -> None:
        row, now = outcome.row, self.clock()
        fields = {
            "dataset": job.dataset_name,
            "item": row.item,
            "key": row.key,
            "cause": row.cause,
            "bytes": row.length,
            # Of the whole delivery: assets of one request are read side by side, and their rows written together.
            "seconds": now - (job.deadline - self.deadline),
            "ledger_seconds": now - copied_at,
        }
        if isinstance(outcome, Copied):
            self.meter.add(job.dataset_name, Activity(assets=1, bytes=row.length))
            logger.info("asset copied", extra={"action": "asset_copied", "digests": row.digests, **fields})
        else:
            logger.info("asset kept", extra={"action": "asset_kept", **fields})
