"""What a schedule is about: a dataset, its catalog and its files, how the app is set up, and how bad things get.

Everything is chosen anew for each schedule, so that together they swarm over what there is: a fault that always comes
hides what happens without it.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, override

from pydantic import JsonValue

from shared.catalogs.kinds import KINDS
from shared.model.datasets import Datasets
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.kinds import define
from shared.model.settings import Settings
from tests.fakes.catalogs import paged
from tests.fakes.senders import AUTH
from tests.simulation.choices import Choices

DATASET = "sim"
CONTAINER = "assets"
PUBLISHED = "published"
ENDPOINT = "https://account.example.org"
#: No clock is set back further than it has come.
START = datetime(2024, 6, 1, 12, tzinfo=UTC)
#: What must never be found in a message, a row or a blob's metadata.
SECRET = "CANARY"

_HOST = "data.example.org"
#: A block, so that a file of a few hundred bytes has several.
_BLOCK = 64
_SIZES = (5, 0, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK, 4 * _BLOCK + 7)
_POLICIES = ("skip_verified", "if_source_changed", "replace", "version", "immutable", "error")
_RATES = (0.0, 0.0, 0.002, 0.01, 0.03, 0.1)
#: Of eight.
_HOSTS_ALONE = _SELDOM = 7
_SKEWS = (timedelta(), timedelta(minutes=-5), timedelta(minutes=90), timedelta(hours=24), timedelta(hours=-24))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, in all its versions."""

    item: str
    key: str
    bodies: tuple[bytes, ...]
    #: When it becomes the next version, in seconds.
    changes_at: tuple[float, ...]
    has_validator: bool
    #: It was listed, and is gone for good.
    is_gone: bool
    #: What the catalog states of it; and for how many seconds its pages still state what was before.
    states_size: bool
    states_checksum: bool
    late: float

    @property
    def href(self) -> str:
        """Its address."""
        return f"https://{_HOST}/{self.item}/{self.key}.bin"

    @property
    def blob(self) -> str:
        """The name that its blob is to have."""
        return f"{self.item}/{self.key}"

    @property
    def digests(self) -> frozenset[str]:
        """The SHA-256 of each of its versions."""
        return frozenset(hashlib.sha256(each).hexdigest() for each in self.bodies)

    def listed(self, now: float) -> CatalogAsset:
        """As it was described at a time: with a signature, which nobody else may see."""
        _, body = self.version(now)
        return CatalogAsset(
            key=self.key,
            href=f"{self.href}?sig={SECRET}",
            size=len(body) if self.states_size else None,
            checksum=f"sha256:{hashlib.sha256(body).hexdigest()}" if self.states_checksum else None,
        )

    def version(self, now: float) -> tuple[int, bytes]:
        """Which version it has now, and its bytes."""
        number = sum(each <= now for each in self.changes_at)
        return number, self.bodies[number]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often something goes wrong: per call, unless it says otherwise."""

    crash: float = 0.0
    refused: float = 0.0
    lost: float = 0.0
    repeated: float = 0.0
    stall: float = 0.0
    #: Of the sources' and the catalog's answers.
    throttled: float = 0.0
    unavailable: float = 0.0
    truncated: float = 0.0
    #: Wrong bytes, of files of which the catalog states a checksum.
    wrong: float = 0.0
    #: Per count of a queue.
    stale_count: float = 0.0
    #: Per delivery: its lease ends early; its acknowledgement never arrives.
    lease_ends: float = 0.0
    unacknowledged: float = 0.0
    #: Per minute and instance.
    drain: float = 0.0


CALM = Rates()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All of it."""

    datasets: Datasets
    files: Mapping[tuple[str, str], File]
    pages: Mapping[str | None, Page]
    #: Whether the catalog states more items than it lists, so that no run is complete.
    overstates: bool
    #: Whether it lists the items of a page in another order each time.
    shuffles: bool
    #: When somebody pauses the dataset, and resumes it; and when somebody ends its run.
    pauses: tuple[tuple[float, float], ...]
    cancels: tuple[float, ...]
    #: Items that an event tells of, too, and when.
    events: tuple[tuple[float, str], ...]
    rates: Rates
    #: How long it is rough, in seconds.
    rough: float
    instances: int
    #: S.
    capacity: int
    saturation: float
    recheck: timedelta
    block_sizes: tuple[int, ...]
    memory_blocks: int
    skews: tuple[timedelta, ...]
    publishes: bool
    #: What becomes of a blob that is there.
    on_existing: str

    def may_refuse(self, file: File) -> bool:
        """Whether a copy may fail for good where a blob stands already, as the dataset never replaces one."""
        return self.on_existing == "error" or (self.on_existing == "immutable" and bool(file.changes_at))

    @property
    def is_transient(self) -> bool:
        """Whether nothing goes wrong but what passes by itself: nothing of that is a reason to give up."""
        return dataclasses.replace(self.rates, throttled=0.0, unavailable=0.0, stale_count=0.0) == CALM

    @property
    def items(self) -> Mapping[str, Sequence[File]]:
        """The files of each item."""
        found: dict[str, list[File]] = {}
        for each in self.files.values():
            found.setdefault(each.item, []).append(each)
        return found

    def settings(self, *, block_size: int) -> Settings:
        """The app's settings, with blocks of this size."""
        return _settings(
            block_size=block_size,
            memory=self.memory_blocks * block_size,
            saturation=self.saturation,
            recheck=self.recheck.total_seconds(),
        )


def chosen(choices: Choices) -> Scenario:
    """Choose a scenario; the tame one has one item of one file, and nothing goes wrong."""
    policy = _POLICIES[choices.pick("on_existing", len(_POLICIES))]
    publishes = bool(choices.pick("publishes", 2))
    takes_events = bool(choices.pick("events", 2))
    files = {
        (each.item, each.key): each for item in range(1 + choices.pick("items", 3)) for each in _files(item, choices)
    }
    items = items_of(files.values(), now=0.0, with_documents=publishes)
    skews = tuple(
        _SKEWS[choices.pick("skew", len(_SKEWS))] if choices.pick("skewed", 4) == 3 else _SKEWS[0] for _ in range(2)
    )
    is_skewed = any(abs(each) > timedelta(hours=2) for each in skews)
    overstates = choices.pick("overstates", 8) == _SELDOM
    return Scenario(
        datasets=_datasets(
            on_existing=policy,
            digests=("sha256",) if choices.pick("digests", 2) == 0 else (),
            publishes=publishes,
            takes_events=takes_events,
            bundles=(32, 1)[choices.pick("bundles", 2)],
        ),
        files=files,
        pages=_pages(items, choices, overstates=overstates),
        overstates=overstates,
        shuffles=bool(choices.pick("shuffles", 2)),
        events=tuple((each + 30.0 * choices.pick("event_at", 8), item.item) for each, item in enumerate(items))
        if takes_events
        else (),
        pauses=((15.0 * choices.pick("pauses at", 8), 300.0 * choices.pick("paused", 8)),)
        if choices.pick("pauses", 8) == _SELDOM
        else (),
        cancels=(15.0 * choices.pick("cancels at", 8),) if choices.pick("cancels", 8) == _SELDOM else (),
        rates=_rates(choices),
        rough=60.0 * (1, 5, 20, 90)[choices.pick("rough", 4)],
        instances=1 + choices.pick("instances", 2),
        capacity=(24, 1, 2, 4)[choices.pick("capacity", 4)],
        saturation=(1.5, 1.0, 3.0)[choices.pick("saturation", 3)],
        recheck=timedelta(hours=1) if is_skewed else timedelta(minutes=10),
        block_sizes=(_BLOCK, _BLOCK + 32 * choices.pick("block_size", 2)),
        memory_blocks=(64, 4, 2)[choices.pick("memory", 3)],
        skews=skews,
        publishes=publishes,
        on_existing=policy,
    )


def _files(item: int, choices: Choices) -> list[File]:
    return [_file(f"c/i{item}", f"k{key}", choices) for key in range(1 + choices.pick("assets", 2))]


def _file(item: str, key: str, choices: Choices) -> File:
    size = _SIZES[choices.pick("size", len(_SIZES))]
    states = choices.pick("states", 4)
    changes = choices.pick("changes", 3) if states != 2 else 0
    grows = states in {0, 3} and bool(choices.pick("grows", 2))
    bodies = tuple(
        f"{number} {item}/{key} ".ljust(size + 9, str(number)).encode()[: size + 9 * number * grows]
        if size
        else b"x" * number * grows
        for number in range(changes + 1)
    )
    # Versions that have the same bytes are one; others differ in all of their blocks, so that no mixture is a version.
    bodies = tuple(dict.fromkeys(bodies))
    return File(
        item=item,
        key=key,
        bodies=bodies,
        changes_at=tuple(20.0 + 60.0 * number * choices.pick("change_at", 8) for number in range(len(bodies) - 1)),
        has_validator=choices.pick("validator", 3) < 2,
        is_gone=choices.pick("gone", 12) == 11,
        states_size=states != 3,
        states_checksum=states == 0,
        late=100.0 * choices.pick("late", 3),
    )


def items_of(files: Iterable[File], *, now: float, with_documents: bool) -> list[CatalogItem]:
    """Items as they were described at a time."""
    found: dict[str, list[CatalogAsset]] = {}
    for each in files:
        found.setdefault(each.item, []).append(each.listed(now))
    return [
        CatalogItem(
            item=name,
            collection="c",
            id=name.rpartition("/")[2],
            datetime=START,
            assets=tuple(assets),
            document=feature(name, assets) if with_documents else None,
            address="https://stac.example.org/",
        )
        for name, assets in found.items()
    ]


def feature(name: str, assets: Sequence[CatalogAsset]) -> dict[str, JsonValue]:
    """An item as STAC writes it."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name.rpartition("/")[2],
        "collection": "c",
        "properties": {"datetime": "2024-06-01T12:00:00Z"},
        "geometry": None,
        "links": [],
        "assets": {each.key: _asset(each) for each in assets},
    }


def _asset(each: CatalogAsset) -> dict[str, JsonValue]:
    size: dict[str, JsonValue] = {} if each.size is None else {"file:size": each.size}
    if each.checksum is None:
        return {"href": each.href, **size}
    return {"href": each.href, **size, "file:checksum": f"1220{each.checksum.removeprefix('sha256:')}"}


def _pages(items: Sequence[CatalogItem], choices: Choices, *, overstates: bool) -> Mapping[str | None, Page]:
    pages = paged(items, size=(4, 1, 2)[choices.pick("page_size", 3)])
    matched = len(items) + overstates if choices.pick("matched", 2) or overstates else None
    return {token: dataclasses.replace(page, matched=matched) for token, page in pages.items()}


def _rates(choices: Choices) -> Rates:
    """Each kind is off in a third of all schedules at least; in some, only hosts are in trouble."""
    rates = {each.name: _RATES[choices.pick(f"rate of {each.name}", len(_RATES))] for each in dataclasses.fields(Rates)}
    if choices.pick("hosts alone", 8) == _HOSTS_ALONE:
        return Rates(throttled=rates["throttled"], unavailable=rates["unavailable"])
    return Rates(**{**rates, "lease_ends": 4 * rates["lease_ends"], "stale_count": 4 * rates["stale_count"]})


@functools.cache
def _datasets(
    *, on_existing: str, digests: tuple[str, ...], publishes: bool, takes_events: bool, bundles: int
) -> Datasets:
    define(KINDS)
    dataset: dict[str, Any] = {
        "catalog": {"kind": "stac", "url": "https://stac.example.org"},
        "destination": {"container": CONTAINER, "name": "{collection}/{id}/{key}"},
        "allow": {"hosts": [_HOST, "stac.example.org"]},
        # It begins its first run at once, and no other within a schedule.
        "schedule": "0 0 20 * *",
        "incremental": {"property": "updated", "full_schedule": "0 0 20 * *"},
        "policy": {"on_existing": on_existing, "digests": list(digests), "bundle_assets": bundles},
    }
    if publishes:
        dataset["publish"] = {"container": PUBLISHED}
    if takes_events:
        dataset["events"] = {"accepts": ["stac"], "auth": dict(AUTH)}
    return Datasets.model_validate({"datasets": {DATASET: dataset}})


class _SmallBlocks(Settings):
    """Settings whose blocks are smaller than any that can be set."""

    small_block: int = _BLOCK
    small_memory: int = 0

    @property
    @override
    def block_size(self) -> int:
        return self.small_block

    @property
    @override
    def memory(self) -> int:
        return self.small_memory


@functools.cache
def _settings(*, block_size: int, memory: int, saturation: float, recheck: float) -> Settings:
    return _SmallBlocks(
        storage_connection="UseDevelopmentStorage=true",
        saturation=saturation,
        recheck_seconds=recheck,
        deadline_seconds=240,
        small_block=block_size,
        small_memory=memory,
    )
