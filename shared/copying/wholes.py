"""Items that may be whole: who brings the last of an item's assets asks for its publishing.

Asked after the own rows are written, so that of two workers that finish last both see all of them, and also where
nothing was left to do: a crash between ledger and publish request heals itself.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping

from shared.model.assets import Asset
from shared.model.datasets import Dataset
from shared.model.errors import Fate, fate_of
from shared.model.messages import CopyRequest, ItemVersion, PublishRequest, Queue
from shared.model.publishing import OnFailure
from shared.storage.answers import each_of
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wholes:
    """Counts only; ``publish_item`` compares exactly."""

    ledger: Ledger
    failures: Failures
    queues: Queues

    async def after_rows(self, request: CopyRequest, dataset: Dataset, *, failed: Mapping[Asset, Exception]) -> None:
        """Ask for those items of a request of which nothing seems to be missing. Raises StorageFailedError."""
        done = Counter(each.item for each in request.assets if each not in failed)
        await self._ask(request, dataset, done=done)

    async def after_failures(
        self, request: CopyRequest, dataset: Dataset, *, failed: Mapping[Asset, Exception]
    ) -> None:
        """The same where an asset that failed for good was the last, and its dataset publishes items all the same."""
        if dataset.publish is None or dataset.publish.on_failure is OnFailure.HOLD:
            return
        for_good = [asset for asset, error in failed.items() if fate_of(error) is Fate.POISON]
        await self._ask(request, dataset, done=Counter(each.item for each in for_good))

    async def _ask(self, request: CopyRequest, dataset: Dataset, *, done: Counter[str]) -> None:
        """``done``: how many assets of an item this request has just settled."""
        if dataset.publish is None:
            return
        on_failure = dataset.publish.on_failure

        async def ask(each: ItemVersion) -> None:
            if done[each.item] >= each.assets or await self._has_all(request.dataset, each, on_failure=on_failure):
                await self.queues.send(Queue.PUBLISH, publish_request(request, each).encode())

        await each_of([each for each in request.items if done[each.item]], ask)

    async def _has_all(self, dataset: str, each: ItemVersion, *, on_failure: OnFailure) -> bool:
        entries = await self.ledger.of_items(dataset, [each.item])
        keys = {key for _, key in entries}
        if len(keys) < each.assets and on_failure is not OnFailure.HOLD:
            failures = await self.failures.of_item(dataset, each.item)
            keys |= {failure.key for failure in failures if failure.fate == Fate.POISON}
        return len(keys) >= each.assets


def publish_request(request: CopyRequest, each: ItemVersion) -> PublishRequest:
    """The request to publish an item of a copy request."""
    return PublishRequest(dataset=request.dataset, item=each.item, version=each.version, asked_at=request.asked_at)
