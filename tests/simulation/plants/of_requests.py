"""Bugs in how a copy request is worked, what becomes of its failures, and what its events and pages ask for."""

from tests.simulation.plants.planting import hunk, plant

_DELIVERY = "shared.copying.delivery"
_EXISTING = "shared.copying.existing"
_FATES = "shared.copying.fates"
_QUEUES = "shared.storage.queues"
_RECEIVING = "shared.intake.receiving"
_ROWS = "shared.model.rows"
_SELECTION = "shared.model.selection"

OF_REQUESTS = (
    plant(
        "the row before the blob",
        "The ledger has a row for what is to be copied before it is.",
        hunk(
            _DELIVERY,
            """
             # Whose row was lost has perhaps replaced the blob that the row stands for: its blob is looked at, too.
+            from shared.copying.job import Kept
+            facts = dict(digests=(), verified_by='', validator=None, completed_at=self.clock())
+            early = [(job, Kept(row=job.row(etag='', length=0, **facts))) for job in jobs if not job.entry]
+            await self._record(early)
+            jobs = await self._jobs(request, dataset, pending, deadline=deadline)
             outcomes = await self._outcomes([job for job in jobs if number or job.is_checked or not job.is_done])
""",
        ),
    ),
    plant(
        "rows overwrite whatever stands there",
        "No If-Match: a worker that stalled writes over a newer truth.",
        hunk(
            _DELIVERY,
            """
-        writes = [Write(row=each.row, replaces=job.entry.etag if job.entry else None) for job, each in done]
+        there = await self.ledger.of(done[0][1].row.dataset, [job.asset.identity for job, _ in done])
+        writes = [
+            Write(row=each.row, replaces=there[job.asset.identity].etag if job.asset.identity in there else None)
+            for job, each in done
+        ]
""",
        ),
    ),
    plant(
        "a row that was lost is written",
        "What the ledger refuses isn't done again.",
        hunk(
            _DELIVERY,
            """
-        lost = {(each.row.item, each.row.key) for each in await self.ledger.record(writes)}
+        lost = {(each.row.item, each.row.key) for each in await self.ledger.record(writes) and ()}
""",
        ),
    ),
    plant(
        "done is done again",
        "A repeated delivery copies what the ledger has.",
        hunk(
            _DELIVERY,
            """
-            outcomes = await self._outcomes([job for job in jobs if number or job.is_checked or not job.is_done])
+            outcomes = await self._outcomes(jobs)
""",
        ),
        hunk(
            _EXISTING,
            """
-    if job.entry and job.is_done and job.entry.row.etag == standing.etag:
-        return Kept(row=job.entry.row)
-    if _is_own(job, standing) or _agrees(job, standing, source=source):
+    if _agrees(job, standing, source=source):
""",
        ),
    ),
    plant(
        "any row will do",
        "The ledger's row stands for every description of its asset.",
        hunk(
            _ROWS,
            """
-        return self.description == asset.description or asset.described_at(asked_at) < self.described_at
+        return True
""",
        ),
        hunk(
            _ROWS,
            """
-            self.cause == cause or self.description != asset.description
+            True
""",
        ),
    ),
    plant(
        "a failure is swallowed",
        "What is worth a retry is acknowledged.",
        hunk(
            _FATES,
            """
-            raise next(iter(failed.values()))
+            return
""",
        ),
    ),
    plant(
        "acknowledged before it is put off",
        "Nobody waits for the send of a deferred request.",
        hunk(
            _FATES,
            """
-        await self.queues.send(Queue.COPY_LATER if delay > _LATER_FROM else lane, later.encode(), delay=delay)
+        import asyncio
+        sending = self.queues.send(Queue.COPY_LATER if delay > _LATER_FROM else lane, later.encode(), delay=delay)
+        self.__class__._task = asyncio.create_task(sending)
""",
        ),
    ),
    plant(
        "put off with one asset of several",
        "A deferred request forgets all but its first asset.",
        hunk(
            _FATES,
            """
-        later = request.of(failed).model_copy(update=put_off.carried)
+        later = request.of(list(failed)[:1]).model_copy(update=put_off.carried)
""",
        ),
    ),
    plant(
        "a throttled source costs an attempt",
        "What is to be put off raises, and the runtime counts it.",
        hunk(
            _FATES,
            """
-        over = fate is Fate.DEFER and patience_is_over(error, request.deferred_since, now=self.clock())
-        return Fate.RETRY if over else fate
+        return Fate.RETRY if fate is Fate.DEFER else fate
""",
        ),
    ),
    plant(
        "not every fate of a request is met",
        "Of a request whose assets fail in several ways, what is to be retried is forgotten.",
        hunk(
            _FATES,
            """
-        if by_fate[Fate.RETRY]:
+        if by_fate[Fate.RETRY] and not by_fate[Fate.DEFER]:
""",
        ),
    ),
    plant(
        "what is unfinished isn't sent again",
        "A delivery that stops at its deadline is acknowledged.",
        hunk(
            _FATES,
            """
-        await self._resend(request, by_fate[Fate.RESEND], lane=lane)
""",
        ),
    ),
    plant(
        "poison says no reason",
        "A request that can't ever work is put aside as it is.",
        hunk(
            _FATES,
            """
-            poison = request.of([asset]).model_copy(update={"reason": reason})
+            poison = request.of([asset])
+            del reason
""",
        ),
    ),
    plant(
        "poison is put aside before its failure is written down",
        "A crash in between leaves a poison message of which no row says why.",
        hunk(
            _FATES,
            """
         fates = {asset: self._fate(request, error) for asset, error in failed.items()}
-        await self._record(request, failed, fates=fates)
         by_fate: defaultdict[Fate, dict[Asset, Exception]] = defaultdict(dict)
""",
        ),
        hunk(
            _FATES,
            """
         await self._poison(request, by_fate[Fate.POISON], lane=lane)
+        await self._record(request, failed, fates=fates)
         await self._defer(request, by_fate[Fate.DEFER], lane=lane)
""",
        ),
    ),
    plant(
        "an event is answered before its requests are sent",
        "Nobody waits for the sends.",
        hunk(
            _RECEIVING,
            """
-        await each_of(bodies, lambda body: self.queues.send(Queue.COPY_LIVE, body))
+        sending = each_of(bodies, lambda body: self.queues.send(Queue.COPY_LIVE, body))
+        self.__class__._task = asyncio.create_task(sending)
""",
        ),
    ),
    plant(
        "messages live for a week",
        "A send says nothing of the time to live, and the service's default is seven days.",
        hunk(
            _QUEUES,
            """
-    await client.send_message(body, time_to_live=_NEVER_EXPIRES, visibility_timeout=seconds)
+    await client.send_message(body, visibility_timeout=seconds)
""",
        ),
    ),
    plant(
        "signatures travel",
        "Requests carry addresses as the catalog signed them.",
        hunk(
            _SELECTION,
            """
-        href = unsigned(asset.href)
+        href = asset.href
""",
        ),
        hunk(
            "shared.model.assets",
            """
-    href: Annotated[str, Field(min_length=1, max_length=8192), AfterValidator(unsigned)]
+    href: Annotated[str, Field(min_length=1, max_length=8192)]
""",
        ),
    ),
)
