"""Messages on our queues: whoever can write to a queue can write anything."""

import contextlib
import functools
import hashlib
import json
from random import Random
from typing import Any, cast, override

from shared.model.assets import Asset, row_key
from shared.model.errors import MalformedRequestError, RetryableError
from shared.model.items import Page
from shared.model.labels import labels
from shared.model.messages import MAX_MESSAGE_BYTES, CopyRequest, Message, PageRequest, PublishRequest, Queue
from shared.storage.blobs import BlobPath, Content
from tests.fakes import MemoryQueues
from tests.fakes.sources import Version
from tests.fuzz.mutating import mutated_json
from tests.fuzz.target import Target, check
from tests.unit.copying.world import World as CopyWorld
from tests.unit.copying.world import version
from tests.unit.discovery.world import World as DiscoveryWorld
from tests.unit.discovery.world import items
from tests.unit.model.builders import NOON, asset, copy_request
from tests.unit.publishing.test_delivery import ONE, PATH, TWO
from tests.unit.publishing.test_delivery import World as PublishWorld

_TIFF = b"II*\0" + bytes(60)
PAGE = PageRequest(dataset="demo", run="run-1", token="second")
COPY = copy_request(
    asset(key="one", size=64, checksum="md5:" + hashlib.md5(_TIFF).hexdigest(), updated=NOON, media_type="image/tiff"),
    asset(key="two", href="https://data.example.org/a/two.tif?v=1"),
    items=[{"item": "s2/T32", "version": "0" * 64, "assets": 2}],
    deferrals=1,
    deferred_since=NOON,
    reason={"error": "E", "message": "m", "at": NOON},
)
PUBLISH = PublishRequest(dataset="demo", item="s2/T32", version="0" * 64, asked_at=NOON)


class _Anywhere(dict[str, tuple[Version, ...]]):
    """Every href is served."""

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, (version(_TIFF, media_type="image/tiff"),))


def _body(chance: Random, *, of: Message) -> bytes:
    return mutated_json(chance, json.loads(of.encode()), most=MAX_MESSAGE_BYTES)


async def _discover(body: bytes) -> None:
    pages: dict[str | None, Page] = {
        None: Page(items=tuple(items(2)), next_token="second"),
        "second": Page(items=tuple(items(3)), next_token=None),
    }
    world = DiscoveryWorld(pages, publish={})
    await world.begin()
    await world.discovery().deliver(body, delivery=1 + len(body) % 5)
    _check_refused(body, kind=PageRequest, queue=Queue.DISCOVER, queues=world.queues)


async def _copy(body: bytes, *, lane: Queue) -> None:
    world = CopyWorld()
    world.sources.versions = _Anywhere()
    await world.copying.deliver(body, lane=lane)
    if request := _check_refused(body, kind=CopyRequest, queue=lane, queues=world.queues):
        assert isinstance(request, CopyRequest)
        sent = [CopyRequest.decode(each.body.encode()) for each in world.queues.sent if each.queue != Queue.PUBLISH]
        handed_on = {each.identity for one in sent for each in one.assets}
        there = {(each.item, each.key) for each in world.ledger.rows}
        lost = {each.identity for each in request.assets} - handed_on - there
        check(not lost, f"neither copied nor handed on: {lost}")


async def _publish(body: bytes) -> None:
    world = PublishWorld()
    kept = await world.keep(ONE, TWO)
    await world.bring(ONE, TWO)
    body = body.replace(b"0" * 64, kept.encode())
    await world.publishing.deliver(body)
    _check_refused(body, kind=PublishRequest, queue=Queue.PUBLISH, queues=world.queues)


async def _standing_copy(case: bytes) -> None:
    """A blob stands there, with metadata that anybody may have written."""
    world = CopyWorld()
    one = asset(key="one", name="s2/one")
    world.sources.versions = _Anywhere()
    content = Content(md5=None, media_type="image/tiff", metadata=metadata_of(case))
    await world.blobs.put(BlobPath(container="assets", name=one.name), (_TIFF,), content=content)
    await world.deliver(copy_request(one))


async def _standing_item(case: bytes) -> None:
    world = PublishWorld()
    kept = await world.keep(ONE, TWO)
    await world.bring(ONE, TWO)
    await world.blobs.put(PATH, (b"{}",), content=Content(md5=None, media_type="a/b", metadata=metadata_of(case)))
    await world.deliver(kept)


def _check_refused(body: bytes, *, kind: type[Message], queue: Queue, queues: MemoryQueues) -> Message | None:
    """What can't be read stands in the poison queue as it was; returns what can."""
    try:
        return kind.decode(body)
    except MalformedRequestError:
        expected = [body.decode("utf-8", "backslashreplace")]
        check(queues.bodies(queue.poison) == expected, "a message was refused and isn't poison")
        return None


def metadata_of(case: bytes) -> dict[str, str]:
    """Metadata as it comes in headers: text in, text out."""
    return {name: str(value).encode("utf-8", "replace").decode() for name, value in members_of(case).items()}


def members_of(case: Any) -> dict[str, Any]:
    """The members of an object, or of one in JSON; none of what is no object."""
    document = case
    if isinstance(case, bytes):
        with contextlib.suppress(ValueError, RecursionError):
            document = json.loads(case)
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


@functools.cache
def _row_labels() -> dict[str, str]:
    one: Asset = asset(key="one", name="s2/one")
    return labels(CopyWorld().row(one, _TIFF, validator='etag:"1"'))


@functools.cache
def _item_labels() -> dict[str, str]:
    return {
        "sluice_dataset": "demo",
        "sluice_row": row_key("s2/T32", ""),
        "sluice_version": "1" * 64,
        "sluice_content": "2" * 64,
        "sluice_asked_at": NOON.isoformat(),
        "sluice_updated": NOON.isoformat(),
    }


TARGETS = (
    Target.of("discover", make=functools.partial(_body, of=PAGE), run=_discover, allowed=(RetryableError,)),
    *(
        Target.of(
            each.value,
            make=functools.partial(_body, of=COPY),
            run=functools.partial(_copy, lane=each),
            allowed=(RetryableError,),
        )
        for each in (Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER)
    ),
    Target.of("publish", make=functools.partial(_body, of=PUBLISH), run=_publish, allowed=(RetryableError,)),
    Target.of(
        "standing-asset",
        make=lambda chance: mutated_json(chance, _row_labels()),
        run=_standing_copy,
        allowed=(RetryableError,),
    ),
    Target.of(
        "standing-item",
        make=lambda chance: mutated_json(chance, _item_labels()),
        run=_standing_item,
        allowed=(RetryableError,),
    ),
)
