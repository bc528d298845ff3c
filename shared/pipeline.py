"""The use cases that an asset passes, put together; what they stand on is anybody's: Azure's, or a simulator's."""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from shared.catalogs.reader import CatalogReader
from shared.copying import Copying, Describing, Engine, Fates, Hints, MemoryBudget, Wholes
from shared.discovery import Control, Discovery, Planning, Starting, Surveying, Withholding
from shared.intake import AskingForCopies, Guards, Intake
from shared.model.datasets import Dataset, Datasets
from shared.model.prices import Prices
from shared.model.settings import Settings
from shared.poison import Mending, Preserving, Reasons, Sweeping
from shared.publishing import Publishing
from shared.requesting import Documents
from shared.sources.body import Sources
from shared.storage.activity import Activities
from shared.storage.blobs import Blobs
from shared.storage.failures import Failures
from shared.storage.holds import Holds
from shared.storage.items import Items
from shared.storage.ledger import Ledger
from shared.storage.mailbox import Mailbox
from shared.storage.meter import Meter
from shared.storage.plans import Plans
from shared.storage.queues import Queues
from shared.storage.runs import Runs
from shared.storage.watermarks import Watermarks


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything is kept, and where bytes and lists come from."""

    queues: Queues
    runs: Runs
    plans: Plans
    holds: Holds
    watermarks: Watermarks
    ledger: Ledger
    failures: Failures
    activities: Activities
    blobs: Blobs
    items: Items
    sources: Sources
    catalog_of: Callable[[Dataset], CatalogReader]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a process has of its own."""

    #: Unlike any other process's.
    name: str
    clock: Callable[[], datetime]
    #: Uniform in [0, 1).
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    #: Makes the id of what begins then: a run's, or a plan's.
    new_id: Callable[[datetime], str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Makes use cases; ``documents`` is one object for all that ask for copies."""

    settings: Settings
    datasets: Datasets
    ports: Ports
    environment: Environment
    prices: Prices
    #: Where the data account's blobs are, without a slash at its end.
    endpoint: str
    #: Copy requests that all instances can work at once.
    capacity: int
    #: After so many deliveries of a message the runtime puts it aside.
    most_deliveries: int

    def documents(self) -> Documents:
        """What is kept of items before their assets are asked for."""
        ports = self.ports
        return Documents(
            self.datasets,
            items=ports.items,
            queues=ports.queues,
            failures=ports.failures,
            catalog_of=ports.catalog_of,
            endpoint=self.endpoint,
            clock=self.environment.clock,
        )

    def starting(self) -> Starting:
        """Begins runs."""
        ports = self.ports
        return Starting(
            datasets=self.datasets,
            runs=ports.runs,
            watermarks=ports.watermarks,
            holds=ports.holds,
            queues=ports.queues,
            clock=self.environment.clock,
            new_id=self.environment.new_id,
            stall=timedelta(minutes=self.settings.stall_minutes),
        )

    def planning(self) -> Planning:
        """Begins plans."""
        return Planning(
            datasets=self.datasets,
            plans=self.ports.plans,
            queues=self.ports.queues,
            prices=self.prices,
            clock=self.environment.clock,
            new_id=self.environment.new_id,
        )

    def control(self) -> Control:
        """Pauses, resumes and cancels."""
        return Control(
            datasets=self.datasets, runs=self.ports.runs, holds=self.ports.holds, clock=self.environment.clock
        )

    def discovery(self, documents: Documents) -> Discovery:
        """Works pages."""
        ports, clock, chance = self.ports, self.environment.clock, self.environment.chance
        return Discovery(
            datasets=self.datasets,
            runs=ports.runs,
            plans=ports.plans,
            ledger=ports.ledger,
            queues=ports.queues,
            failures=ports.failures,
            documents=documents,
            catalog_of=ports.catalog_of,
            withholding=Withholding(
                queues=ports.queues,
                holds=ports.holds,
                saturation=self.settings.saturation,
                capacity=self.capacity,
                recheck=timedelta(seconds=self.settings.recheck_seconds),
                clock=clock,
                chance=chance,
            ),
            watermarks=ports.watermarks,
            surveying=Surveying(
                ledger=ports.ledger,
                totals=ports.plans.totals,
                prices=self.prices,
                block_size=self.settings.block_size,
            ),
            most_deliveries=self.most_deliveries,
            clock=clock,
            chance=chance,
        )

    def intake(self, documents: Documents, *, guards: Guards) -> Intake:
        """Takes events."""
        return Intake(
            datasets=self.datasets,
            guards=guards,
            documents=documents,
            queues=self.ports.queues,
            failures=self.ports.failures,
            clock=self.environment.clock,
        )

    def copies(self, documents: Documents) -> AskingForCopies:
        """Asks for single items and files."""
        return AskingForCopies(
            datasets=self.datasets,
            documents=documents,
            queues=self.ports.queues,
            failures=self.ports.failures,
            catalog_of=self.ports.catalog_of,
            clock=self.environment.clock,
            new_id=self.environment.new_id,
        )

    def copying(self) -> Copying:
        """Works copy requests; all of a process within one budget of buffers."""
        ports, environment = self.ports, self.environment
        engine = Engine(
            blobs=ports.blobs,
            sources=ports.sources,
            budget=MemoryBudget(self.settings.memory),
            block_size=self.settings.block_size,
            clock=environment.clock,
            describe=Describing(ports.catalog_of).again,
        )
        return Copying(
            datasets=self.datasets,
            ledger=ports.ledger,
            copy=engine.copy,
            fates=Fates(
                queues=ports.queues,
                failures=ports.failures,
                hints=Hints(ports.holds, clock=environment.clock),
                clock=environment.clock,
                chance=environment.chance,
            ),
            wholes=Wholes(ledger=ports.ledger, failures=ports.failures, queues=ports.queues),
            meter=Meter(ports.activities, process=environment.name, clock=environment.clock, sleep=environment.sleep),
            clock=environment.clock,
            deadline=timedelta(seconds=self.settings.deadline_seconds),
        )

    def publishing(self) -> Publishing:
        """Publishes items."""
        return Publishing(
            datasets=self.datasets,
            ledger=self.ports.ledger,
            failures=self.ports.failures,
            items=self.ports.items,
            queues=self.ports.queues,
            endpoint=self.endpoint,
            clock=self.environment.clock,
        )

    def preserving(self, mailbox: Mailbox) -> Preserving:
        """Keeps poison for ever."""
        ports, clock = self.ports, self.environment.clock
        return Preserving(
            mailbox=mailbox,
            reasons=Reasons(failures=ports.failures, ledger=ports.ledger, runs=ports.runs),
            sweeping=Sweeping(datasets=self.datasets, failures=ports.failures, ledger=ports.ledger, clock=clock),
            clock=clock,
        )

    def poison(self, mailbox: Mailbox, *, names_callers: bool = False) -> Mending:
        """Shows poison, sends it back, puts it away."""
        ports = self.ports
        return Mending.of(
            self.datasets,
            mailbox=mailbox,
            queues=ports.queues,
            reasons=Reasons(failures=ports.failures, ledger=ports.ledger, runs=ports.runs),
            clock=self.environment.clock,
            sleep=self.environment.sleep,
            names_callers=names_callers,
        )
