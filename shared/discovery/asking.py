"""What a page asks for: copy requests, but for what is there."""

import dataclasses

from shared.discovery.looking import Part, look
from shared.model.datasets import OnExisting
from shared.model.items import PlannedPage
from shared.model.messages import Queue
from shared.model.rows import Run
from shared.requesting import Documents
from shared.storage.answers import each_of
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Sends copy requests."""

    ledger: Ledger
    queues: Queues
    documents: Documents

    async def ask(self, run: Run, page: PlannedPage, *, part: int, mode: OnExisting) -> Part:
        """Send a part's requests, but for what the ledger has as described and the dataset doesn't replace."""
        found = await look(run, page, part=part, mode=mode, ledger=self.ledger)
        bodies = [
            each.of(wanted).encode()
            for each in found.requests
            if (wanted := [asset for asset in each.assets if asset not in found.there])
        ]
        await each_of(bodies, lambda body: self.queues.send(Queue.COPY, body))
        items = found.items
        await self.documents.ask(
            run.cause, [each for each in page.items if each.item in items and found.there.issuperset(each.assets)]
        )
        return found
