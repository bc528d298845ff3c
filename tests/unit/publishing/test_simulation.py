"""Items of several assets, in two versions, while messages come twice and in any order, and processes die."""

import asyncio
import contextlib
import json
import random
from datetime import timedelta

import pytest

from shared.model.documents import ItemDocument
from shared.model.errors import StorageFailedError
from shared.model.messages import LANES, ItemVersion, Queue
from shared.model.publishing import Publish
from shared.publishing import Publishing
from shared.storage.items import Items
from tests.unit.copying.wire import CrashError
from tests.unit.copying.world import World, request, tiff, version
from tests.unit.model.builders import NOON, asset

_ITEMS = 4
_ROUGH_STEPS = 10
_MOST_STEPS = 400
_ENDPOINT = "https://account.example.org"


@pytest.mark.parametrize("seed", range(30))
async def test_nobody_sees_half_an_item(seed: int) -> None:
    """Whenever anybody looks, every published item has all its assets; in the end each is published as it is now."""
    simulation = _Simulation(random.Random(seed))

    for number in range(2):
        await simulation.discover(number)
        for _ in range(_ROUGH_STEPS):
            await simulation.step()
    simulation.is_rough = False
    for _ in range(_MOST_STEPS):
        if not simulation.messages:
            break
        await simulation.step()

    assert (simulation.halves, simulation.messages) == (set(), [])
    assert simulation.published() == {f"s2/T{number}": "1" for number in range(_ITEMS)}
    assert simulation.world.queues.bodies(Queue.PUBLISH.poison) == []


class _Simulation:
    """Chance decides what happens next; the same seed decides the same."""

    def __init__(self, chance: random.Random) -> None:
        self.is_rough = True
        #: Items that somebody could see while an asset of them was missing.
        self.halves: set[str] = set()
        #: What stands in the queues.
        self.messages: list[tuple[str, str]] = []
        self.world = World(publish={})
        self.world.wire.tap(self.world.ledger, "ledger", "of_items")
        self.world.wire.stumble = lambda: chance.randrange(3)
        self.world.wire.after_each(self._look)
        self._items = Items(self.world.blobs)
        self._chance = chance
        self._counts = [chance.randint(1, 4) for _ in range(_ITEMS)]
        self._known = 0

    async def discover(self, number: int) -> None:
        """Ask for all items, as they are described at this time."""
        for item, count in enumerate(self._counts):
            updated = NOON + number * timedelta(hours=1)
            # Of the first item, the document alone changes.
            described = updated if item else NOON
            assets = tuple(
                asset(
                    item=f"s2/T{item}",
                    key=f"k{key}",
                    name=f"s2/T{item}/k{key}",
                    href=f"https://data.example.org/{item}/{key}",
                    updated=described,
                )
                for key in range(count)
            )
            for each in assets:
                self.world.serve(each, version(tiff(10, seed=number), validator=f'etag:"{number}"'))
            found = {
                "type": "Feature",
                "id": f"T{item}",
                "collection": "s2",
                "properties": {"title": str(number), "updated": updated.isoformat()},
                "assets": {each.key: {"href": each.href} for each in assets},
            }
            document = ItemDocument.model_validate(
                {"item": f"s2/T{item}", "document": found, "address": "", "assets": assets, "publish": Publish()}
            )
            kept = await self._items.keep("s2", document)
            items = (ItemVersion(item=document.item, version=kept, assets=count),)
            size = self._chance.randint(1, count)
            for first in range(0, count, size):
                some = request(*assets[first : first + size], items=items, cause=f"run-{number}")
                self.messages.append((Queue.COPY, some.encode()))

    async def step(self) -> None:
        """Deliver a message or two at once, perhaps to a process that dies, and perhaps not for the last time."""
        if not self.messages:
            return
        dies = self.is_rough and self._chance.random() < 0.4
        if dies:
            self.world.wire.die(self._chance.choice(["before", "after"]), nth=self._chance.randint(1, 12))
        picked = self._chance.sample(self.messages, k=min(len(self.messages), self._chance.randint(1, 2)))
        if self.is_rough and self._chance.random() < 0.1:
            self.world.wire.fail("queues.send", self._chance.choice(["before", "after"]), StorageFailedError("500"))
        answers = await asyncio.gather(*(self._deliver(*each) for each in picked))
        self.world.wire.revive()
        for each, is_done in zip(picked, answers, strict=True):
            if is_done and not (self.is_rough and self._chance.random() < 0.2):
                self.messages.remove(each)
        sent = self.world.queues.sent[self._known :]
        self._known += len(sent)
        self.messages += [(each.queue, each.body) for each in sent if each.queue in {*LANES, Queue.PUBLISH}]

    async def _deliver(self, queue: str, body: str) -> bool:
        """Tell whether the process lived to acknowledge its message."""
        publishing = Publishing(
            datasets=self.world.copying.datasets,
            ledger=self.world.ledger,
            failures=self.world.failures,
            items=self._items,
            queues=self.world.queues,
            endpoint=_ENDPOINT,
            clock=self.world.clock,
        )
        with contextlib.suppress(CrashError, BaseExceptionGroup, StorageFailedError):
            if queue == Queue.PUBLISH:
                await publishing.deliver(body.encode())
            else:
                await self.world.copying.deliver(body.encode(), lane=Queue(queue))
            return True
        return False

    def published(self) -> dict[str, str]:
        """Which document of each item is published."""
        found = [json.loads(body) for path, body in self.world.blobs.bodies.items() if "/items/" in path.name]
        return {f"{each['collection']}/{each['id']}": each["properties"]["title"] for each in found}

    def _look(self) -> None:
        """What a reader sees who comes by now."""
        names = {path.name for path in self.world.blobs.blobs}
        for path, body in list(self.world.blobs.bodies.items()):
            if "/items/" in path.name:
                document = json.loads(body)
                number = int(document["id"].removeprefix("T"))
                assets = {each["href"].removeprefix(f"{_ENDPOINT}/assets/") for each in document["assets"].values()}
                if len(assets) != self._counts[number] or not assets <= names:
                    self.halves.add(path.name)
