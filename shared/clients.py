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
from pathlib import Path
from typing import Self

from shared.catalogs.kind import Ways
from shared.catalogs.kinds import KINDS, reader_of
from shared.catalogs.manifest_bytes import Opened
from shared.catalogs.reader import CatalogReader
from shared.copying import Copying, Describing, Engine, Fates, Hints, MemoryBudget, Wholes
from shared.discovery import Control, Discovery, Planning, Starting, Surveying, Withholding
from shared.egress import Egress, Keeper, Manners
from shared.intake import Guards, Intake
from shared.model.datasets import Dataset, Datasets, load_datasets
from shared.model.kinds import define
from shared.model.prices import Prices, load_prices
from shared.model.settings import HostQueues, Platform, Settings, read_secrets
from shared.publishing import Publishing
from shared.redaction import redacted
from shared.requesting import Documents
from shared.sources.credentials import Credentials
from shared.sources.reading import HttpSources
from shared.sources.tokens import Tokens
from shared.status import Status
from shared.storage.accounts import Account, credential_of, open_account
from shared.storage.activity import AzureActivities
from shared.storage.blobs import AzureBlobs, BlobPath
from shared.storage.creation import create_missing
from shared.storage.failures import AzureFailures
from shared.storage.holds import AzureHolds
from shared.storage.identity import Identity
from shared.storage.items import Items
from shared.storage.ledger import AzureLedger
from shared.storage.meter import Meter
from shared.storage.plans import AzureTotals, Plans
from shared.storage.queues import AzureQueues
from shared.storage.runs import NEWEST_PLAN, AzureRuns
from shared.storage.shares import AzureShares
from shared.storage.streams import open_stream
from shared.storage.watermarks import AzureWatermarks
from shared.telemetry import configure_logging

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
#: Below it the platform, which scales by visible messages, takes instances away that discovery counts on.
_LOW_SATURATION = 1.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The use cases, ready to be called."""

    starting: Starting
    planning: Planning
    control: Control
    discovery: Discovery
    intake: Intake
    copying: Copying
    publishing: Publishing
    status: Status


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
async def open_app(root: Path) -> AsyncGenerator[App]:
    """Read settings and datasets, open storage and network until the block ends."""
    settings = Settings()
    define(KINDS)
    datasets = load_datasets(root / settings.datasets_file)
    secrets = read_secrets(datasets.secrets)
    if settings.saturation < _LOW_SATURATION:
        logger.warning("saturation is low", extra={"action": "low_saturation", "saturation": settings.saturation})
    host = HostQueues.read(root / "host.json")
    async with (
        open_account(settings) as account,
        _manners(datasets, account) as manners,
        contextlib.aclosing(Egress(manners=manners)) as egress,
        contextlib.aclosing(Identity(functools.partial(credential_of, settings))) as identity,
    ):
        if settings.create_missing:
            await create_missing(
                account, containers={name for each in datasets.datasets.values() for name in each.containers}
            )
        parts = _Parts(
            settings=settings,
            datasets=datasets,
            account=account,
            stores=_Stores.of(account, settings=settings),
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
        )
        yield parts.app(host)


@contextlib.asynccontextmanager
async def _manners(datasets: Datasets, account: Account) -> AsyncGenerator[Manners | None]:
    """The limits of hosts, kept until the block ends; None where no dataset has any."""
    if not datasets.budgets:
        yield None
        return
    manners = Manners(datasets.budgets, chance=_chance)
    async with Keeper(manners, AzureShares(account.blobs), chance=_chance).keep():
        yield manners


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    """What is kept in the account, each once a process."""

    queues: AzureQueues
    runs: AzureRuns
    plans: Plans
    holds: AzureHolds
    watermarks: AzureWatermarks
    ledger: AzureLedger
    failures: AzureFailures
    activities: AzureActivities
    blobs: AzureBlobs
    items: Items

    @classmethod
    def of(cls, account: Account, *, settings: Settings) -> Self:
        """Those of an account."""
        blobs = AzureBlobs(account.blobs, account.blob_calls, block_check=settings.block_check)
        return cls(
            queues=AzureQueues(account.queues),
            runs=AzureRuns(account.tables, blobs=blobs),
            plans=Plans(
                runs=AzureRuns(account.tables, blobs=blobs, row=NEWEST_PLAN), totals=AzureTotals(account.tables)
            ),
            holds=AzureHolds(account.tables),
            watermarks=AzureWatermarks(account.tables),
            ledger=AzureLedger(account.table_calls),
            failures=AzureFailures(account.tables),
            activities=AzureActivities(account.tables),
            blobs=blobs,
            items=Items(blobs),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What the use cases are made of."""

    settings: Settings
    datasets: Datasets
    account: Account
    stores: _Stores
    egress: Egress
    #: One for sources and lists: a token that one of them got, or was refused with, is the other's too.
    signing: Credentials
    guards: Guards
    prices: Prices
    root: Path

    def app(self, host: HostQueues) -> App:
        """Put the use cases together."""
        stores, capacity = self.stores, self.settings.instances * host.concurrency
        documents = Documents(
            self.datasets,
            items=stores.items,
            queues=stores.queues,
            failures=stores.failures,
            catalog_of=self._catalog,
            endpoint=self.account.blob_calls.url,
            clock=_now,
        )
        return App(
            starting=self._starting(),
            planning=Planning(
                datasets=self.datasets,
                plans=stores.plans,
                queues=stores.queues,
                prices=self.prices,
                clock=_now,
                new_id=_new_id,
            ),
            control=Control(datasets=self.datasets, runs=stores.runs, holds=stores.holds, clock=_now),
            discovery=self._discovery(documents, capacity=capacity, most_deliveries=host.max_dequeue_count),
            intake=Intake(
                datasets=self.datasets,
                guards=self.guards,
                documents=documents,
                queues=stores.queues,
                failures=stores.failures,
                clock=_now,
            ),
            copying=self._copying(),
            publishing=self._publishing(),
            status=self._status(capacity=capacity),
        )

    def _starting(self) -> Starting:
        return Starting(
            datasets=self.datasets,
            runs=self.stores.runs,
            watermarks=self.stores.watermarks,
            holds=self.stores.holds,
            queues=self.stores.queues,
            clock=_now,
            new_id=_new_id,
            stall=timedelta(minutes=self.settings.stall_minutes),
        )

    def _discovery(self, documents: Documents, *, capacity: int, most_deliveries: int) -> Discovery:
        stores = self.stores
        return Discovery(
            datasets=self.datasets,
            runs=stores.runs,
            plans=stores.plans,
            ledger=stores.ledger,
            queues=stores.queues,
            failures=stores.failures,
            documents=documents,
            catalog_of=self._catalog,
            withholding=Withholding(
                queues=stores.queues,
                holds=stores.holds,
                saturation=self.settings.saturation,
                capacity=capacity,
                recheck=timedelta(seconds=self.settings.recheck_seconds),
                clock=_now,
                chance=_chance,
            ),
            watermarks=stores.watermarks,
            surveying=Surveying(
                ledger=stores.ledger,
                totals=stores.plans.totals,
                prices=self.prices,
                block_size=self.settings.block_size,
            ),
            most_deliveries=most_deliveries,
            clock=_now,
            chance=_chance,
        )

    def _copying(self) -> Copying:
        stores = self.stores
        engine = Engine(
            blobs=stores.blobs,
            sources=HttpSources(self.egress, self.signing),
            budget=MemoryBudget(self.settings.memory),
            block_size=self.settings.block_size,
            clock=_now,
            describe=Describing(self._catalog).again,
        )
        process = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        return Copying(
            datasets=self.datasets,
            ledger=stores.ledger,
            copy=engine.copy,
            fates=Fates(
                queues=stores.queues,
                failures=stores.failures,
                hints=Hints(stores.holds, clock=_now),
                clock=_now,
                chance=_chance,
            ),
            wholes=Wholes(ledger=stores.ledger, failures=stores.failures, queues=stores.queues),
            meter=Meter(stores.activities, process=process, clock=_now, sleep=asyncio.sleep),
            clock=_now,
            deadline=timedelta(seconds=self.settings.deadline_seconds),
        )

    def _publishing(self) -> Publishing:
        return Publishing(
            datasets=self.datasets,
            ledger=self.stores.ledger,
            failures=self.stores.failures,
            items=self.stores.items,
            queues=self.stores.queues,
            endpoint=self.account.blob_calls.url,
            clock=_now,
        )

    def _status(self, *, capacity: int) -> Status:
        return Status(
            datasets=self.datasets,
            runs=self.stores.runs,
            plans=self.stores.plans.runs,
            watermarks=self.stores.watermarks,
            holds=self.stores.holds,
            queues=self.stores.queues,
            activities=self.stores.activities,
            saturation=self.settings.saturation,
            capacity=capacity,
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
