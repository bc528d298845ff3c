"""Bugs in runs, their pages and their ends, and in how items are published."""

from tests.simulation.plants.planting import hunk, plant

_ASKING = "shared.discovery.asking"
_DELIVERY = "shared.copying.delivery"
_ENDING = "shared.discovery.ending"
_FENCE = "shared.discovery.fence"
_LISTING = "shared.discovery.listing"
_LOOKING = "shared.discovery.looking"
_PAGES = "shared.discovery.pages"
_PUBLISHING_DELIVERY = "shared.publishing.delivery"
_WITHHOLDING = "shared.discovery.withholding"

OF_RUNS = (
    plant(
        "the next page before this one's requests",
        "A crash in between leaves a gap.",
        hunk(
            _PAGES,
            """
         page = await self._listing.page(request, run, dataset)
-        part = await self._look_or_ask(request, run, dataset, page=page)
+        from shared.discovery.looking import look
+        mode = dataset.policy.on_existing
+        part = await look(run, page, part=request.part, mode=mode, ledger=self.ledger)
         counts = counts_of(request, page, part.counts)
""",
        ),
        hunk(
            _PAGES,
            """
         await self._go_on(request, run, dataset, part=part)
+        await self._look_or_ask(request, run, dataset, page=page)
         await self._count(request, counts.model_copy(update={"done": True}))
""",
        ),
    ),
    plant(
        "a page is acknowledged before its requests are sent",
        "Nobody waits for the sends.",
        hunk(
            _ASKING,
            """
-        await each_of(bodies, lambda body: self.queues.send(Queue.COPY, body))
+        import asyncio
+        self.__class__._task = asyncio.create_task(each_of(bodies, lambda body: self.queues.send(Queue.COPY, body)))
""",
        ),
    ),
    plant(
        "a page is done before the next one is asked for",
        "A crash in between ends the run where it is.",
        hunk(
            _PAGES,
            """
-        await self._count(request, counts)
+        await self._count(request, counts.model_copy(update={"done": True}))
""",
        ),
    ),
    plant(
        "counts after the next page",
        "A run is judged before its pages are counted.",
        hunk(
            _PAGES,
            """
-        await self._count(request, counts)
""",
        ),
    ),
    plant(
        "a withheld page raises",
        "The runtime counts it, and after five looks puts it aside.",
        hunk(
            _PAGES,
            """
-        await self.queues.send(Queue.DISCOVER, again.encode(), delay=wait)
+        raise StorageFailedError(f'withheld {again} for {wait}')
""",
        ),
    ),
    plant(
        "a withheld page is sent again without its delay, and not acknowledged",
        "Each look leaves one message more.",
        hunk(
            _PAGES,
            """
         await self.queues.send(Queue.DISCOVER, again.encode(), delay=wait)
+        raise StorageFailedError('withheld')
         numbers = {"saturation": self.withholding.saturation, "capacity": self.withholding.capacity}
""",
        ),
    ),
    plant(
        "nothing is withheld",
        "Pages run however many copies are outstanding.",
        hunk(
            _WITHHOLDING,
            """
-        if outstanding < limit:
+        if outstanding >= 0:
""",
        ),
    ),
    plant(
        "a page asks for everything at once",
        "It isn't taken in parts.",
        hunk(
            _LOOKING,
            """
-    return part * page.cut.requests, (part + 1) * page.cut.requests
+    return part * page.cut.requests, 1 << 30
""",
        ),
    ),
    plant(
        "pages of runs that are over go on",
        "Nothing is fenced.",
        hunk(
            _FENCE,
            """
-    return run.run == request.run and run.pass_number <= request.pass_number
+    return bool(request.run)
""",
        ),
    ),
    plant(
        "a page is read again for each of its parts",
        "What was kept of it isn't looked at: a redelivery makes other requests.",
        hunk(
            _LISTING,
            """
-        if kept := await self.runs.page(request.dataset, request.run, place=place):
-            return kept
""",
        ),
        hunk(
            _LISTING,
            """
-        return await self.runs.keep(request.dataset, request.run, place=place, page=planned)
+        await self.runs.keep(request.dataset, request.run, place=place, page=planned)
+        return planned
""",
        ),
    ),
    plant(
        "the watermark moves whatever the run came to",
        "What an incomplete run hasn't read isn't read again.",
        hunk(
            _ENDING,
            """
-        if verdict.because is None:
-            await self._move_watermark(run, dataset)
+        await self._move_watermark(run, dataset)
""",
        ),
    ),
    plant(
        "the watermark moves after the run has ended",
        "A crash in between leaves it where it was.",
        hunk(
            _ENDING,
            """
-        if verdict.because is None:
-            await self._move_watermark(run, dataset)
         state = RunState.COMPLETE if verdict.because is None else RunState.INCOMPLETE
""",
        ),
        hunk(
            _ENDING,
            """
             return
+        if verdict.because is None:
+            await self._move_watermark(run, dataset)
         if request.is_plan:
""",
        ),
    ),
    plant(
        "the watermark moves back",
        "A run that began earlier and ended later takes it with it.",
        hunk(
            _ENDING,
            """
-            if entry is not None and entry.watermark.by is by and entry.watermark.at >= at:
-                return
""",
        ),
    ),
    plant(
        "whether an item is whole is asked before the own rows are written",
        "Of two workers that finish last, none sees all of them.",
        hunk(
            _DELIVERY,
            """
             await self.fates.settle(request, dict.fromkeys(request.assets, error), lane=lane)
             return
+        await self.wholes.after_rows(request, dataset, failed={})
         try:
             failed = await self._copy_all(request, dataset)
""",
        ),
        hunk(
            _DELIVERY,
            """
-        await self.wholes.after_rows(request, dataset, failed=failed)
         await self.fates.settle(request, failed, lane=lane)
         await self.wholes.after_failures(request, dataset, failed=failed)
""",
        ),
    ),
    plant(
        "an older item is published over a newer one",
        "Editions aren't compared.",
        hunk(
            _PUBLISHING_DELIVERY,
            """
-        if there and there.edition.version != edition.version and not edition.is_newer_than(there.edition):
+        if False:
""",
        ),
    ),
    plant(
        "an item is published that isn't whole",
        "What is missing isn't waited for.",
        hunk(
            _PUBLISHING_DELIVERY,
            """
-            return [*(each.key for each in missing), *kept.refused]
+            return []
""",
        ),
        hunk(
            _PUBLISHING_DELIVERY,
            """
-        return [asset.key for asset, is_settled in settled if not is_settled]
+        return []
""",
        ),
    ),
)
