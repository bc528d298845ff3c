"""One item that may be whole: compared exactly with its document, and published if nothing is missing."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from shared.model.assets import Asset
from shared.model.datasets import Dataset, Datasets
from shared.model.documents import Edition, ItemDocument, item_name
from shared.model.errors import (
    BlobConflictError,
    DestinationContendedError,
    Fate,
    MalformedRequestError,
    fate_of,
)
from shared.model.messages import PublishRequest, Queue, Reason
from shared.model.publishing import OnFailure
from shared.model.rewriting import Addresses, published_item
from shared.model.rows import Failure, LedgerRow
from shared.redaction import told
from shared.storage.answers import each_of
from shared.storage.blobs import BlobPath
from shared.storage.failures import Failures
from shared.storage.items import Items
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues, refuse

logger = logging.getLogger(__name__)

#: How often an item is decided again because somebody else published it meanwhile.
_ROUNDS = 3
#: Of a reason that travels with a message.
_REASON_LENGTH = 1900
_STAC, _RECORD = "application/geo+json", "application/json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """The use case behind the publish queue."""

    datasets: Datasets
    ledger: Ledger
    failures: Failures
    items: Items
    queues: Queues
    #: Where the data account's blobs are, without a slash at its end.
    endpoint: str
    clock: Callable[[], datetime]

    async def deliver(self, body: bytes) -> None:
        """Work one message; a repeated one changes nothing.

        Returns once the item is published, or where it isn't whole yet: whoever brings the last asset asks again.
        Raises what is worth a retry.
        """
        try:
            request = PublishRequest.decode(body)
        except MalformedRequestError as error:
            await refuse(body, error, queue=Queue.PUBLISH, queues=self.queues)
            return
        try:
            await self._publish(request)
        except Exception as error:
            if fate_of(error) is not Fate.POISON:
                raise
            await self._poison(request, error)

    async def _publish(self, request: PublishRequest) -> None:
        dataset = self.datasets.named(request.dataset)
        if dataset.publish is None:
            logger.info("dataset doesn't publish", extra={"action": "item_not_published", **_ids(request)})
            return
        kept = await self.items.read(request.dataset, request.item, version=request.version)
        edition = Edition(version=request.version, updated=kept.updated, asked_at=request.asked_at)
        name = item_name(request.item, dataset_name=request.dataset, dataset=dataset)
        path = BlobPath(container=dataset.items_container, name=name)
        for _ in range(_ROUNDS):
            with contextlib.suppress(BlobConflictError):
                await self._publish_once(request, dataset, kept, edition=edition, path=path)
                return
        raise DestinationContendedError("the item was published by somebody else again and again")

    async def _publish_once(
        self, request: PublishRequest, dataset: Dataset, kept: ItemDocument, *, edition: Edition, path: BlobPath
    ) -> None:
        """Look at what is published before the ledger is asked: who knows less than that then loses its write."""
        there = await self.items.published(path, dataset=request.dataset, item=request.item)
        if there and there.edition.version != edition.version and not edition.is_newer_than(there.edition):
            logger.info("a newer item is published", extra={"action": "item_superseded", **_ids(request)})
            return
        assert dataset.publish is not None
        on_failure = dataset.publish.on_failure
        recorded = await self._recorded(request, kept)
        rows = {each.key: row for each in kept.assets if (row := recorded.get(each.key)) and _is_of(each, row)}
        if missing := await self._missing(request, kept, recorded, on_failure=on_failure):
            extra = {"action": "item_not_whole", **_ids(request), "missing": missing[:10], "of": len(kept.assets)}
            logger.info("item isn't whole", extra=extra)
            return
        addresses = Addresses(dataset_name=request.dataset, dataset=dataset, endpoint=self.endpoint)
        written = await self.items.publish(
            path,
            published_item(kept, rows, addresses=addresses, on_failure=on_failure),
            dataset=request.dataset,
            item=request.item,
            edition=edition.after(there.edition if there else None),
            media_type=_RECORD if kept.document is None else _STAC,
            replaces=there,
        )
        if written:
            extra = {"action": "item_published", **_ids(request), "blob": path.name, "assets": len(rows)}
            logger.info("item published", extra=extra)

    async def _recorded(self, request: PublishRequest, kept: ItemDocument) -> Mapping[str, LedgerRow]:
        """The rows of selected assets, by their keys, whatever description they stand for."""
        entries = await self.ledger.of_items(request.dataset, [request.item])
        return {each.key: entries[each.identity].row for each in kept.assets if each.identity in entries}

    async def _missing(
        self, request: PublishRequest, kept: ItemDocument, recorded: Mapping[str, LedgerRow], *, on_failure: OnFailure
    ) -> list[str]:
        """The keys of selected assets that the item has to wait for."""
        missing = [each for each in kept.assets if not ((row := recorded.get(each.key)) and _is_of(each, row))]
        if on_failure is OnFailure.HOLD:
            return [*(each.key for each in missing), *kept.refused]

        async def is_settled(asset: Asset) -> bool:
            failure = await self.failures.of(request.dataset, asset.item, asset.key)
            return _is_settled(asset, failure, row=recorded.get(asset.key), asked_at=request.asked_at)

        settled = zip(missing, await each_of(missing, is_settled), strict=True)
        return [asset.key for asset, is_settled in settled if not is_settled]

    async def _poison(self, request: PublishRequest, error: Exception) -> None:
        reason = Reason(error=type(error).__name__, message=told(error, limit=_REASON_LENGTH), at=self.clock())
        await self.queues.send(Queue.PUBLISH.poison, request.model_copy(update={"reason": reason}).encode())
        extra = {"action": "publish_failed", **_ids(request), "error": reason.error, "reason": reason.message}
        logger.error("item can't be published", extra=extra)


def _is_of(asset: Asset, row: LedgerRow) -> bool:
    """Tell whether a row stands for just this description, or for what the catalog had instead a moment later."""
    return asset.description in {row.description, row.instead_of}


def _is_settled(asset: Asset, failure: Failure | None, *, row: LedgerRow | None, asked_at: datetime) -> bool:
    """Tell whether an asset failed for good as it is described: its item doesn't wait for it.

    A failure that was mended since, if by a copy of another description, says nothing of this one.
    """
    return (
        failure is not None
        and failure.fate == Fate.POISON
        and failure.last_at >= asset.described_at(asked_at)
        and not failure.is_over(row)
    )


def _ids(request: PublishRequest) -> dict[str, object]:
    return request.model_dump(include={"dataset", "item", "version"})
