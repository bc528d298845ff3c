"""Bugs in what becomes of poison."""

from tests.simulation.plants.planting import hunk, plant

_PRESERVING = "shared.poison.preserving"
_REDRIVING = "shared.poison.redriving"

OF_POISON = (
    plant(
        "poison is deleted before it is sent again for ever",
        "A crash in between drops it.",
        hunk(
            _PRESERVING,
            """
             explained = await self._explained(received, queue=queue)
+            await self.mailbox.delete(received)
             await self.mailbox.send_as_it_is(received.queue, explained.text)
-            await self.mailbox.delete(received)
         except StorageFailedError as error:
""",
        ),
    ),
    plant(
        "a redrive deletes before it sends",
        "A crash in between drops what it was to mend.",
        hunk(
            _REDRIVING,
            """
             return Outcome.WOULD_BE_DONE, None
+        is_ours = await source.remove(poison.received)
         await self.queues.send(poison.queue, body)
-        is_ours = await source.remove(poison.received)
         if order.rate is not None:
""",
        ),
    ),
    plant(
        "poison isn't preserved",
        "What the runtime put aside is gone after a week.",
        hunk(
            _PRESERVING,
            """
-        if not received.expires:
+        if received.text:
""",
        ),
    ),
)
