"""Opens everything once per process: the only place where real parts are put together."""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import os
import random
import socket
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from shared.catalogs.kind import Ways
from shared.catalogs.kinds import KINDS, reader_of
from shared.catalogs.manifest_bytes import Opened
from shared.catalogs.reader import CatalogReader
from shared.census import Census, Verifying
from shared.copying import Copying
from shared.discovery import Control, Discovery, Planning, Starting
from shared.doctor import Doctor
from shared.egress import Egress, Keeper, Manners
from shared.gauges import Gauges
from shared.intake import AskingForCopies, Guards, Intake
from shared.ledgers import Ledgers, Rebuilding, Reporting, Showing
from shared.model.datasets import Dataset, Datasets, load_datasets
from shared.model.kinds import define
from shared.model.prices import Prices, load_prices
from shared.model.settings import HostQueues, Platform, Settings, Telemetry, read_secrets
from shared.pipeline import Environment, Pipeline, Ports
from shared.poison import Mending, Preserving
from shared.publishing import Publishing
from shared.redaction import redacted
from shared.requesting import Documents
from shared.sources.credentials import Credentials
from shared.sources.reading import HttpSources
from shared.sources.tokens import Tokens
from shared.status import Status
from shared.storage.accounts import Account, credential_of, open_account
from shared.storage.blobs import BlobPath
from shared.storage.creation import CONTAINERS, TABLES, create_missing
from shared.storage.identity import Identity
from shared.storage.premises import AzurePremises
from shared.storage.shares import AzureShares
from shared.storage.stores import Stores
from shared.storage.streams import open_stream
from shared.telemetry import configure_logging

if TYPE_CHECKING:
    from shared.tracing import Tracer

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
#: Below it the platform, which scales by visible messages, takes instances away that discovery counts on.
_LOW_SATURATION = 1.5


class Opening(Enum):
    """Who opens the app, and what comes with it."""

    #: A process of the Function App.
    APP = auto()
    #: An operator: nothing that is missing is made, and a source's secret is needed only by who reads with it.
    OPERATOR = auto()
    #: An operator who asks catalogs or sources: hosts are asked within the datasets' limits.
    OPERATOR_ASKING = auto()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The use cases, ready to be called."""

    starting: Starting
    planning: Planning
    control: Control
    discovery: Discovery
    intake: Intake
    copies: AskingForCopies
    copying: Copying
    publishing: Publishing
    preserving: Preserving
    poison: Mending
    census: Census
    verifying: Verifying
    ledgers: Ledgers
    reporting: Reporting
    status: Status
    gauges: Gauges
    doctor: Doctor


class Process:
    """The app of this process, opened by whichever invocation comes first."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._root = root
        self._opening = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._app: App | None = None

    async def app(self) -> App:
        """The app. Raises DatasetsInvalidError, StorageFailedError or what is wrong with the settings, at each call."""
        async with self._opening:
            if self._app is None:
                configure_logging(redact=redacted)
                self._app = await self._stack.enter_async_context(open_app(self._root))
            return self._app

    async def is_healthy(self) -> bool:
        """Tell whether the app can be opened and storage answers; why not stands in the log."""
        try:
            return await (await self.app()).status.is_healthy()
        except Exception:
            logger.exception("not healthy", extra={"action": "not_healthy"})
            return False

    async def close(self) -> None:
        """Close every client; the next ``app`` opens them anew."""
        async with self._opening:
            self._app = None
            await self._stack.aclose()


@contextlib.asynccontextmanager
async def open_app(root: Path, *, opening: Opening = Opening.APP) -> AsyncGenerator[App]:
    """Read settings and datasets, open storage and network until the block ends."""
    settings = Settings()
    define(KINDS)
    datasets = load_datasets(root / settings.datasets_file)
    secrets = read_secrets(datasets.secrets, at_use=opening is not Opening.APP)
    if opening is Opening.APP and settings.saturation < _LOW_SATURATION:
        logger.warning("saturation is low", extra={"action": "low_saturation", "saturation": settings.saturation})
    host = HostQueues.read(root / "host.json")
    process = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    async with (
        _tracer(process, opening=opening) as tracer,
        open_account(settings) as account,
        _manners(datasets, account, opening=opening) as manners,
        contextlib.aclosing(Egress(manners=manners)) as egress,
        contextlib.aclosing(Identity(functools.partial(credential_of, settings))) as identity,
    ):
        if settings.create_missing and opening is Opening.APP:
            await create_missing(
                account, containers={name for each in datasets.datasets.values() for name in each.containers}
            )
        parts = _Parts(
            settings=settings,
            datasets=datasets,
            account=account,
            stores=Stores.of(account, settings=settings),
            egress=egress,
            signing=Credentials(
                http=egress, secrets=secrets, identity=identity.storage_token, tokens=Tokens(_now), clock=_now
            ),
            guards=Guards(
                http=egress,
                secrets=secrets,
                built_in_authentication=Platform().built_in_authentication,
                clock=_now,
            ),
            prices=load_prices(),
            root=root,
            process=process,
            tracer=tracer,
        )
        app = parts.app(host)
        yield _traced(app, tracer) if tracer else app


@contextlib.asynccontextmanager
async def _tracer(process: str, *, opening: Opening) -> AsyncGenerator["Tracer | None"]:
    """What makes spans until the block ends; None where tracing is off, which costs nothing."""
    telemetry = Telemetry()
    if opening is not Opening.APP or not telemetry.is_traced:
        yield None
        return
    from shared.tracing import opened_tracer  # noqa: PLC0415 - OpenTelemetry is imported where it is switched on only

    async with opened_tracer(telemetry, process=process) as tracer:
        yield tracer


def _traced(app: App, tracer: "Tracer") -> App:
    from shared.tracing import TracedCopying, TracedDiscovery, TracedPublishing  # noqa: PLC0415 - as above

    return dataclasses.replace(
        app,
        discovery=TracedDiscovery.of(app.discovery, tracer),
        copying=TracedCopying.of(app.copying, tracer),
        publishing=TracedPublishing.of(app.publishing, tracer),
    )


@contextlib.asynccontextmanager
async def _manners(datasets: Datasets, account: Account, *, opening: Opening) -> AsyncGenerator[Manners | None]:
    """The limits of hosts, kept until the block ends; None where no dataset has any, or no host is asked."""
    if not datasets.budgets or opening is Opening.OPERATOR:
        yield None
        return
    manners = Manners(datasets.budgets, chance=_chance)
    async with Keeper(manners, AzureShares(account.blobs), chance=_chance).keep():
        yield manners


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What the use cases are made of."""

    settings: Settings
    datasets: Datasets
    account: Account
    stores: Stores
    egress: Egress
    #: One for sources and lists: a token that one of them got, or was refused with, is the other's too.
    signing: Credentials
    guards: Guards
    prices: Prices
    root: Path
    #: Unlike any other process's.
    process: str
    tracer: "Tracer | None"

    def app(self, host: HostQueues) -> App:
        """Put the use cases together."""
        pipeline = self._pipeline(host)
        documents = pipeline.documents()
        status = self._status(capacity=pipeline.capacity)
        return App(
            starting=pipeline.starting(),
            planning=pipeline.planning(),
            control=pipeline.control(),
            discovery=pipeline.discovery(documents),
            intake=pipeline.intake(documents, guards=self.guards),
            copies=pipeline.copies(documents),
            copying=pipeline.copying(),
            publishing=pipeline.publishing(),
            preserving=pipeline.preserving(self.stores.mailbox),
            poison=pipeline.poison(self.stores.mailbox, names_callers=Platform().built_in_authentication),
            census=self._census(documents),
            verifying=self._verifying(),
            ledgers=self._ledgers(),
            reporting=self._reporting(host),
            status=status,
            gauges=Gauges(
                status=status,
                mailbox=self.stores.mailbox,
                lanes=self.stores.lanes,
                stall=timedelta(minutes=self.settings.stall_minutes),
            ),
            doctor=self._doctor(),
        )

    def _pipeline(self, host: HostQueues) -> Pipeline:
        return Pipeline(
            settings=self.settings,
            datasets=self.datasets,
            ports=self._ports(),
            environment=Environment(
                name=self.process,
                clock=_now,
                chance=_chance,
                sleep=asyncio.sleep,
                new_id=_new_id,
            ),
            prices=self.prices,
            endpoint=self.account.blob_calls.url,
            capacity=self.settings.instances * host.concurrency,
            most_deliveries=host.max_dequeue_count,
        )

    def _ports(self) -> Ports:
        stores = self.stores
        ports = Ports(
            queues=stores.queues,
            runs=stores.runs,
            plans=stores.plans,
            holds=stores.holds,
            watermarks=stores.watermarks,
            ledger=stores.ledger,
            failures=stores.failures,
            activities=stores.activities,
            blobs=stores.blobs,
            items=stores.items,
            sources=HttpSources(self.egress, self.signing),
            catalog_of=self._catalog,
        )
        if self.tracer is None:
            return ports
        from shared.tracing import traced_ports  # noqa: PLC0415 - as above

        return traced_ports(ports, self.tracer)

    def _census(self, documents: Documents) -> Census:
        stores = self.stores
        return Census(
            datasets=self.datasets,
            catalog_of=self._catalog,
            rows=stores.rows,
            listed=stores.listed,
            ledger=stores.ledger,
            blobs=stores.blobs,
            documents=documents,
            queues=stores.queues,
            clock=_now,
            sleep=asyncio.sleep,
            new_id=_new_id,
        )

    def _verifying(self) -> Verifying:
        return Verifying(
            datasets=self.datasets,
            rows=self.stores.rows,
            ledger=self.stores.ledger,
            open_blob=functools.partial(open_stream, self.account.blobs, offset=0),
            clock=_now,
        )

    def _ledgers(self) -> Ledgers:
        stores = self.stores
        return Ledgers(
            datasets=self.datasets,
            rows=stores.rows,
            showing=Showing(
                datasets=self.datasets,
                ledger=stores.ledger,
                rows=stores.rows,
                failures=stores.failures,
                blobs=stores.blobs,
                endpoint=self.account.blob_calls.url,
            ),
            rebuilding=Rebuilding(datasets=self.datasets, ledger=stores.ledger, listed=stores.listed),
        )

    def _reporting(self, host: HostQueues) -> Reporting:
        stores = self.stores
        return Reporting(
            datasets=self.datasets,
            runs=stores.runs,
            totals=stores.plans.totals,
            ledger=stores.ledger,
            failures=stores.failures,
            most_deliveries=host.max_dequeue_count,
        )

    def _status(self, *, capacity: int) -> Status:
        return Status(
            datasets=self.datasets,
            runs=self.stores.runs,
            plans=self.stores.plans.runs,
            watermarks=self.stores.watermarks,
            holds=self.stores.holds,
            queues=self.stores.queues,
            mailbox=self.stores.mailbox,
            activities=self.stores.activities,
            lanes=self.stores.lanes,
            saturation=self.settings.saturation,
            capacity=capacity,
            clock=_now,
        )

    def _doctor(self) -> Doctor:
        return Doctor(
            datasets=self.datasets,
            premises=AzurePremises(self.account),
            mailbox=self.stores.mailbox,
            tables=TABLES,
            containers=CONTAINERS,
            clock=_now,
        )

    def _catalog(self, dataset: Dataset) -> CatalogReader:
        ways = Ways(http=self.egress, sign=self.signing.listed, open_blob=self._open_blob, root=self.root)
        return reader_of(dataset, ways)

    @contextlib.asynccontextmanager
    async def _open_blob(self, url: str, offset: int, length: int | None = None, /) -> AsyncGenerator[Opened]:
        container, _, name = url.removeprefix("blob://").partition("/")
        path = BlobPath(container=container, name=name)
        stream = await open_stream(self.account.blobs, path, offset=offset, length=length)
        yield Opened(chunks=stream.chunks, version=stream.etag, total=stream.total)


def _now() -> datetime:
    return datetime.now(UTC)


def _chance() -> float:
    return random.SystemRandom().random()


def _new_id(began: datetime) -> str:
    """Sorts by time, and is unlike any other."""
    return f"{began:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
