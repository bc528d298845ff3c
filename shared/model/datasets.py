"""Datasets: what is copied from where to where, as ``datasets.toml`` says it (schema: ``datasets.schema.json``)."""

import ipaddress
import re
import tomllib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.model.access import OpenSource, Source
from shared.model.caps import Caps
from shared.model.checksums import Algorithm
from shared.model.errors import DatasetsInvalidError, UnknownDatasetError
from shared.model.events import Events
from shared.model.hrefs import host_of
from shared.model.kinds import AnyKind, Kind
from shared.model.messages import MAX_ASSETS
from shared.model.names import DatasetName, check_template
from shared.model.politeness import Limits, Polite, budgets
from shared.model.publishing import Publish
from shared.model.sidecars import check_sidecar
from shared.model.windows import TimeProperty, Window

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Integrity(StrEnum):
    """What a copy does about checksums."""

    #: An asset of which nobody (the catalog, a checksum file, the source's own headers) states a checksum is a
    #: permanent failure. A CRC suffices: it finds accidents, and guards against nobody.
    REQUIRE = "require"
    #: Checksums that are stated have to agree; the ledger says where there was none.
    CHECK = "check"
    #: A checksum that doesn't agree is logged, and the asset is copied.
    LOG = "log"


class OnExisting(StrEnum):
    """What a copy does about a blob that stands there already; never judged by its name alone.

    A blob that was written for this very request (by a delivery that died, or that runs beside this one) is kept.
    """

    #: Any other blob is a permanent failure.
    ERROR = "error"
    #: Keep it if it agrees with the expected length and checksum (else with the source's validator), or replace it.
    SKIP_VERIFIED = "skip_verified"
    #: Keep it while the source's validator (else its length and checksum) is the one that was copied, or replace it.
    IF_SOURCE_CHANGED = "if_source_changed"
    #: Replace it, whatever it is.
    REPLACE = "replace"
    #: Keep it if it has the source's bytes; else keep it as a snapshot of the blob, and replace it.
    VERSION = "version"
    #: Keep it if it has the source's bytes; else it is a permanent failure.
    IMMUTABLE = "immutable"


def _cron(text: str) -> str:
    try:
        CronSim(text, _EPOCH)
    except CronSimError as error:
        raise ValueError(f"no cron expression of five fields ({error}); an example: 15 3 * * *") from error
    return text


def _interval(text: str) -> str:
    Window.parse(text)
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|\[?[0-9a-f:.]+\]?", text):
        raise ValueError("a host in lower case, such as data.example.org or *.example.org, without scheme or port")
    return text


def _bbox(bbox: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    west, south, east, north = bbox
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004 - degrees
        raise ValueError("west, south, east, north in degrees, south before north; west may lie east of east")
    return bbox


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Order(StrEnum):
    """In which order the items of a page are asked for."""

    CATALOG = "catalog"
    NEWEST = "newest"
    OLDEST = "oldest"


class Selection(_Part):
    """Which items and which of their assets are copied."""

    include: tuple[str, ...] = ("*",)
    """Asset keys, with * and ?."""
    exclude: tuple[str, ...] = ()
    """Asset keys that are left out, with * and ?."""
    media_types: tuple[str, ...] = ("*",)
    """Media types, with * and ?, parameters aside; an asset that states none is selected by * only."""
    min_bytes: Annotated[int, Field(ge=0)] = 0
    """Smaller assets are left out, where the catalog states a size."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Larger assets are left out, where the catalog states a size; a copy of unknown size ends here."""
    datetime: Annotated[str, AfterValidator(_interval)] | None = None
    """An interval such as 2024-01-01T00:00:00Z/.. that an item's time lies in."""
    bbox: Annotated[tuple[float, float, float, float], AfterValidator(_bbox)] | None = None
    """West, south, east, north in degrees, over the antimeridian if west > east; items that touch it are selected."""
    order: Order = Order.CATALOG
    """catalog, newest or oldest: in which order a page's items are asked for; those without a time come last. It is the
    catalog that says which items are on a page: of a STAC API that can sort, ask for the same order by query.sortby."""

    @property
    def window(self) -> Window:
        """``datetime`` as a window; where none is given, the open one."""
        return Window() if self.datetime is None else Window.parse(self.datetime)


class Destination(_Part):
    """Where the blobs go."""

    container: Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    """A container of the data account."""
    name: Annotated[str, AfterValidator(check_template)] | None = None
    """The blob's name, made of {dataset} {collection} {id} {item} {key} {file} {path} {host} {year} {month} {day}.
    Without one: {dataset}/{collection}/{id}/{key}/{file} for a STAC API, {dataset}/{item}/{key}/{file} for a static
    STAC, {dataset}/{host}/{path} for any other catalog."""


class Allowlist(_Part):
    """Where requests for this dataset may go; everything else is refused at the socket."""

    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], Field(min_length=1)]
    """Hosts, such as data.example.org or *.example.org."""
    http_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    """Those of them that may be asked without TLS."""
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (80, 443)
    """Ports."""
    private_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Networks that aren't public and may be reached all the same, such as 10.1.0.0/16."""


class Policy(_Part):
    """How assets are copied."""

    integrity: Integrity = Integrity.CHECK
    """require, check or log; a CRC is a checksum, too: it finds accidents, and guards against nobody."""
    checksum_sidecar: Annotated[str, AfterValidator(check_sidecar)] | None = None
    """Where an asset's checksum file is: {href}.md5, or {folder}/SHA256SUMS; {file} is the asset's file name. It holds
    one digest, or lines of digest and name."""
    on_existing: OnExisting = OnExisting.SKIP_VERIFIED
    """error, skip_verified, if_source_changed, replace, version or immutable: what becomes of a blob that is there."""
    digests: tuple[Literal[Algorithm.SHA256, Algorithm.MD5], ...] = (Algorithm.SHA256,)
    """Digests of the whole that an asset of several blocks gets: sha256, md5, both or none. With none, a copy that was
    interrupted goes on where it stopped, and its row holds the digest of its blocks' digests (blocks-sha256); with any,
    or where a checksum is stated, it reads from the first byte again."""
    bundle_assets: Annotated[int, Field(ge=1, le=MAX_ASSETS)] = 32
    """Small assets that travel in one request."""
    bundle_bytes: Annotated[int, Field(ge=0, le=64 * 1024 * 1024)] = 8 * 1024 * 1024
    """Their size together; an asset that is larger, or of unknown size, travels alone."""


class Incremental(_Part):
    """Runs of the schedule ask for what is new since the last one that was complete."""

    property: TimeProperty = TimeProperty.UPDATED
    """updated, created, published or datetime: the time of an item by which it is new."""
    overlap: Annotated[timedelta, Field(ge=timedelta())] = timedelta(hours=1)
    """How far each run looks back behind the last one, for what came to be listed late: PT1H, P2D, or seconds."""
    full_schedule: Annotated[str, AfterValidator(_cron)] = "23 2 * * 0"
    """When a run of everything finds what came still later or was missed: five cron fields, UTC."""


type Catalog = Annotated[Kind, AnyKind()]


class Dataset(_Part):
    """A named stream of items."""

    catalog: Catalog
    destination: Destination
    allow: Allowlist
    select: Selection = Selection()
    policy: Policy = Policy()
    publish: Publish | None = None
    """Where items are published once they are whole. None: they aren't."""
    source: Source = OpenSource()
    schedule: Annotated[str, AfterValidator(_cron)] | None = None
    """When a run begins: five cron fields, UTC. None: on request only."""
    incremental: Incremental | None = None
    """Runs of the schedule ask for what is new. None: for everything."""
    freshness: Annotated[timedelta, Field(gt=timedelta())] | None = None
    """How long ago everything may have been read whole: P2D, or seconds. Then the dataset is stale, and an alarm rings:
    give it more than the time from one run's beginning to the next one's end. None: no matter how long."""
    events: Events | None = None
    """Which events are taken: what they tell of is copied at once. None: none."""
    polite: Polite | None = None
    """How hard the hosts may be asked, by all datasets together. None: as hard as goes."""
    caps: Caps | None = None
    """What one run may ask for at most. None: all of it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        host = host_of(self.catalog.url) if self.catalog.url.startswith("http") else None
        if host is not None and not matches_host(host, self.allow.hosts):
            raise ValueError(f"the catalog's host {host!r} isn't allowed; add it to allow.hosts")
        self.catalog.check(source=self.source, publishes=self.publish is not None)
        if self.incremental is not None:
            self.catalog.check_incremental(self.incremental.property)
            if self.schedule is None:
                raise ValueError("incremental: its runs begin by a schedule; add one")
        for each in self.polite.hosts if self.polite else ():
            if not _is_allowed(each, self.allow.hosts):
                raise ValueError(f"polite.hosts: {each!r} isn't allowed; write it as allow.hosts does, or add it there")
        if self.events is not None:
            self._check_events(self.events)
        for each in self.source.asks:
            if not _is_allowed(each, self.allow.hosts):
                raise ValueError(f"the source's host {each!r} isn't allowed; add it (or hosts like it) to allow.hosts")
        return self

    def _check_events(self, events: Events) -> None:
        events.check(source=self.source)
        for each in events.asks(self.source):
            if not matches_host(each, self.allow.hosts):
                raise ValueError(f"events.accounts: {each!r} isn't allowed; add it to allow.hosts")

    @property
    def template(self) -> str:
        """What a blob's name is made of."""
        return self.destination.name or self.catalog.template

    @property
    def item_template(self) -> str:
        """What the name of a published item is made of."""
        stated = self.publish.name if self.publish else None
        return stated or self.catalog.item_template

    @property
    def secrets(self) -> dict[str, dict[str, str]]:
        """The names of app settings that hold its secrets, by the fields that name them, for each of its tables."""
        return {"source": self.source.secrets, "events.auth": self.events.auth.secrets if self.events else {}}

    @property
    def containers(self) -> frozenset[str]:
        """The containers that are written into."""
        return frozenset({self.destination.container, self.items_container})

    @property
    def items_container(self) -> str:
        """Where items are published."""
        stated = self.publish.container if self.publish else None
        return stated or self.destination.container


class Datasets(_Part):
    """The whole file."""

    datasets: Annotated[dict[DatasetName, Dataset], Field(min_length=1)]

    def named(self, name: str) -> Dataset:
        """The dataset of this name; raises UnknownDatasetError."""
        if name not in self.datasets:
            known = ", ".join(sorted(self.datasets))
            raise UnknownDatasetError(f"no dataset is called {name!r}; these are defined: {known}")
        return self.datasets[name]

    @property
    def budgets(self) -> dict[str, Limits]:
        """The limits of hosts, or of patterns of hosts, for the whole app."""
        return budgets((each.polite, each.allow.hosts) for each in self.datasets.values() if each.polite is not None)

    @property
    def secrets(self) -> dict[str, str]:
        """The names of all app settings that hold secrets of sources, by the field that names them."""
        return {
            f"datasets.{name}.{part}.{field}": setting
            for name, dataset in self.datasets.items()
            for part, settings in dataset.secrets.items()
            for field, setting in settings.items()
        }


def load_datasets(path: Path) -> Datasets:
    """Read a datasets file; raises DatasetsInvalidError: file, dataset, field, what stands there and what could."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetsInvalidError(f"{path} doesn't exist; the setting DATASETS_FILE names it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetsInvalidError(f"{path} is no TOML: {error}") from error
    try:
        return Datasets.model_validate(raw)
    except ValidationError as error:
        raise DatasetsInvalidError(f"{path}:\n{_explained(error)}") from error


def matches_host(host: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a host is one of these; ``*.example.org`` stands for every host below example.org."""
    return any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in patterns)


def _is_allowed(pattern: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether a host, or some host of a pattern, is allowed."""
    if not pattern.startswith("*."):
        return matches_host(pattern, hosts)
    return matches_host(f"any{pattern[1:]}", hosts) or any(each.endswith(pattern[1:]) for each in hosts)


def _explained(error: ValidationError) -> str:
    lines: list[str] = []
    for each in error.errors(include_url=False):
        place = ".".join(str(part) for part in each["loc"])
        # What stands in these tables may be a secret that was to stand in a setting.
        found = "" if {"source", "auth"} & {*each["loc"]} else f"; found {_shown(each['input'])}"
        lines.append(f"  {place}: {each['msg']}{found}{_choices(each)}")
    return "\n".join(lines)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line of a terminal


def _choices(error: Any) -> str:
    expected = error.get("ctx", {}).get("expected_tags") or error.get("ctx", {}).get("expected")
    return f"; it could be {expected}" if expected else ""
