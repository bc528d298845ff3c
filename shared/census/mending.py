"""What a census found wrong, asked for again: as a run asks, and exactly that."""

import contextlib
import dataclasses

from shared.census.gathering import Progress, Stage
from shared.census.sheets import Sheets
from shared.census.walking import Walk, Walked
from shared.model.assets import Asset, row_key
from shared.model.causes import Cause
from shared.model.errors import SourceChangedError, TokenRefusedError
from shared.model.messages import Queue
from shared.requesting import Documents, copy_requests
from shared.storage.answers import each_of
from shared.storage.queues import Queues


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """Asks for one census."""

    cause: Cause
    sheets: Sheets
    documents: Documents
    queues: Queues
    progress: Progress

    async def ask(self, walk: Walk) -> int:
        """Go through the catalog once more and ask for the assets that are marked; return how many were asked for.

        Read anew, since requests say what the catalog describes now, and items are published by their documents. What
        it doesn't list any more isn't asked for, nor what comes after it changed under our hands: the next census does.
        """
        asked = 0
        if await self.sheets.count_marked():
            with contextlib.suppress(SourceChangedError, TokenRefusedError):
                async for walked in walk.pages():
                    asked += await self._ask(walked)
        return asked

    async def _ask(self, walked: Walked) -> int:
        assets = [asset for each in walked.planned.items for asset in each.assets]
        marked = await self.sheets.marked(map(_row_key, assets))
        wanted = {each for each in assets if _row_key(each) in marked}
        if not wanted:
            return 0
        items = tuple(each for each in walked.planned.items if wanted.intersection(each.assets))
        planned = walked.planned.model_copy(update={"items": items})
        planned = await self.documents.keep(walked.page, planned, refusals=walked.refusals, cause=self.cause)
        requests = [
            each.of(some)
            for each in copy_requests(self.cause, planned)
            if (some := [asset for asset in each.assets if asset in wanted])
        ]
        await each_of(requests, lambda each: self.queues.send(Queue.COPY, each.encode()))
        # On a page after this it may stand once more.
        await self.sheets.unmark(marked)
        self.progress(Stage.ASKING, len(wanted))
        return len(wanted)


def _row_key(asset: Asset) -> str:
    return row_key(asset.item, asset.key)
