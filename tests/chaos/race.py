"""One race: an item's assets, and the messages that ask for them several times at once."""

import dataclasses
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue
from tests.chaos.flipping import SHORTEST, FlippingSource, Mark, Offer
from tests.chaos.standing import BLOCK_BYTES

DATASET = "races"

#: A race in eight lasts longer than a lease.
_LONG = 8
_PAUSE_SECONDS, _LONG_PAUSE_SECONDS = 0.1, 1.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Who races for what."""

    number: int
    assets: tuple[Asset, ...]
    #: The messages, and the lane of each.
    requests: tuple[tuple[Queue, CopyRequest], ...]


def begin(number: int, source: FlippingSource) -> Race:
    """Offer the files of a race and make its messages: each number is another mixture, and always the same one."""
    chance = random.Random(number)
    offers = _large(number, chance) if number % 2 else _small(number, chance)
    item = f"item-{number}"
    assets = tuple(
        Asset(
            item=item,
            key=name,
            href=source.offer(name, offer),
            name=name,
            size=None if offer.grows else offer.size,
        )
        for name, offer in offers.items()
    )
    return Race(number=number, assets=assets, requests=_requests(assets, rivals=chance.random() < 0.5))


def _large(number: int, chance: random.Random) -> Mapping[str, Offer]:
    """An asset of two or three blocks."""
    size = chance.choice([1, 2]) * BLOCK_BYTES + chance.randrange(SHORTEST, BLOCK_BYTES // 2)
    return {f"races/{number}/large.bin": _offer(size, number, chance)}


def _small(number: int, chance: random.Random) -> Mapping[str, Offer]:
    """Two assets, a Put Blob each, which travel in one message; or one of unknown size, which travels alone."""
    offers = [_offer(chance.randrange(2 * SHORTEST, 64 * 1024), number, chance) for _ in range(2)]
    alone = any(each.grows for each in offers)
    return {f"races/{number}/small-{index}.bin": each for index, each in enumerate(offers[: 1 if alone else 2])}


def _offer(size: int, number: int, chance: random.Random) -> Offer:
    return Offer(
        size=size,
        grows=chance.random() < 0.3,
        mark=chance.choice(list(Mark)),
        flips=chance.choice([2, 3, 4]),
        pause_seconds=_LONG_PAUSE_SECONDS if number % _LONG == 0 else _PAUSE_SECONDS,
    )


def _requests(assets: tuple[Asset, ...], *, rivals: bool) -> tuple[tuple[Queue, CopyRequest], ...]:
    """The same request three times; or a run's and an event's, each twice."""
    run, event = (
        CopyRequest(dataset=DATASET, cause=f"{each}-{uuid.uuid4().hex}", asked_at=datetime.now(UTC), assets=assets)
        for each in ("run", "event")
    )
    if rivals:
        return (Queue.COPY, run), (Queue.COPY_LIVE, event), (Queue.COPY, run), (Queue.COPY_LIVE, event)
    return (Queue.COPY, run), (Queue.COPY_LIVE, run), (Queue.COPY, run)
