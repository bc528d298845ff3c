"""What is copied, by how many slots, and what goes wrong meanwhile; all of it drawn from one seed."""

import dataclasses
import json
import math
import random
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Self

#: Of each item; the first one takes the item's whole time.
KEYS = ("red", "green", "blue", "nir", "scl")
FILE_BYTES = 256

#: How much items' times differ: the standard deviation of their logarithm.
_SPREAD = 0.5
#: Other assets take such a part of their item's time.
_OTHERS = (0.05, 0.45)
_LEAST_SECONDS = 10.0


class Fault(StrEnum):
    """What is wrong with a file at the source."""

    #: 404 for ever.
    MISSING = "missing"
    #: 503, the first time.
    REFUSED = "refused"
    #: The body ends early, the first time.
    CUT = "cut"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How the source serves the files of one dataset."""

    seed: int
    #: Mean time that an item takes; 0: no time at all.
    seconds: float
    #: Parts of the assets that are missing, that are refused once, and that are cut short once.
    missing: float = 0
    refused: float = 0
    cut: float = 0

    def seconds_of(self, item: str, key: str) -> float:
        """How long the source takes for a file."""
        if self.seconds == 0:
            return 0
        # A lognormal distribution's mean lies above its median.
        whole = self._chance(item).lognormvariate(math.log(self.seconds) - _SPREAD**2 / 2, _SPREAD)
        return whole if key == KEYS[0] else whole * self._chance(f"{item}/{key}").uniform(*_OTHERS)

    def fault_of(self, item: str, key: str) -> Fault | None:
        """What is wrong with a file. Bodies are cut for all files of an item together, as by a bad shard of a store."""
        drawn = self._chance(f"{item}/{key}/fault").random()
        if drawn < self.missing:
            return Fault.MISSING
        if drawn < self.missing + self.refused:
            return Fault.REFUSED
        return Fault.CUT if self._chance(f"{item}/fault").random() < self.cut else None

    def _chance(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")


type Streams = Mapping[str, Stream]


def encode_streams(streams: Streams) -> str:
    """Streams as an argument of the source's command line."""
    return json.dumps({name: dataclasses.asdict(each) for name, each in streams.items()})


def decode_streams(text: str) -> Streams:
    """What ``encode_streams`` made."""
    return {name: Stream(**each) for name, each in json.loads(text).items()}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One arm's work and settings, but for its sigma; the defaults are those of the whole experiment."""

    items: int = 4000
    stream: Stream = Stream(seed=20240103, seconds=3.2, missing=0.01, refused=0.01, cut=0.09)
    #: Items of a page of the catalog.
    page_items: int = 20
    #: Instances of the host, and what each works at once. A host takes a new batch once its messages are down to the
    #: threshold: with batches of 16 above 8 a third of its slots is idle however much waits.
    instances: int = 2
    batch_size: int = 1
    new_batch_threshold: int = 17
    recheck_seconds: float = 4
    #: How long a message waits whose copy failed, and how often queues are asked at least.
    retry_seconds: int = 3
    polling_seconds: float = 0.5
    #: The source answers nothing but 503 for so long, from this part of the expected time on.
    outage_seconds: float = 10
    outage_after: float = 0.4
    live_stream: Stream = Stream(seed=20240104, seconds=0.25)
    #: Mean time between live assets, and for how long they come before the run begins.
    live_seconds: float = 1
    idle_seconds: float = 30
    #: A second run is paused after so long, and watched for a while; 0: there is none.
    paused_after_seconds: float = 20
    watched_seconds: float = 5
    #: An arm that isn't done by then failed.
    limit_seconds: float = 1800

    @property
    def capacity(self) -> int:
        """S: copy requests that all instances work at once."""
        return self.instances * (self.batch_size + self.new_batch_threshold)

    @property
    def assets(self) -> int:
        """Files of all items."""
        return self.items * len(KEYS)

    @property
    def expected_seconds(self) -> float:
        """How long the copies take if no slot is ever idle."""
        return self.items * self.stream.seconds / self.capacity

    @property
    def item_names(self) -> Iterator[str]:
        """All items, in the catalog's order."""
        return (f"item-{number:06}" for number in range(self.items))

    @property
    def missing(self) -> int:
        """Files that will never be copied."""
        return sum(map(self._missing_of, self.item_names))

    @property
    def whole_items(self) -> int:
        """Items of which no file is missing."""
        return sum(not self._missing_of(each) for each in self.item_names)

    def scaled(self, scale: float) -> Self:
        """The same with less work. An outage is as long, since deferrals are, and no watch lasts for moments only."""
        return dataclasses.replace(
            self,
            items=max(1, round(self.items * scale)),
            idle_seconds=max(_LEAST_SECONDS, self.idle_seconds * scale),
            paused_after_seconds=max(_LEAST_SECONDS, self.paused_after_seconds * scale),
        )

    def mark(self, sigma: float) -> float:
        """Outstanding requests from which on a page waits."""
        return math.inf if math.isinf(sigma) else math.ceil(sigma * self.capacity)

    def _missing_of(self, item: str) -> int:
        return sum(self.stream.fault_of(item, key) is Fault.MISSING for key in KEYS)
