"""A worker process: its event loop, its clock, and the app, put together as the real one is."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from pydantic import SecretStr

from shared.copying import Copying, Engine
from shared.discovery import Control, Discovery, Starting
from shared.intake import Guards, Intake
from shared.model.prices import Prices, load_prices
from shared.pipeline import Environment, Pipeline, Ports
from shared.poison import Preserving
from shared.publishing import Publishing
from shared.storage.items import Items
from shared.storage.ledger import Entry, Identity
from shared.storage.plans import Plans
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.egress import Answer, FakeEgress
from tests.fakes.senders import SECRET, SECRET_SETTING
from tests.simulation.account import Account
from tests.simulation.choices import Choices
from tests.simulation.effects import Effects, Invocation, Tally, Trace, Weather
from tests.simulation.loops import ProcessLoop, Scheduler
from tests.simulation.mailboxes import StoreMailbox
from tests.simulation.ports import CalledQueues, called_blobs, called_failures, called_ledger
from tests.simulation.scenario import ENDPOINT, START, Scenario
from tests.simulation.sources import CalledSources, unavailable

#: After so many deliveries of a message the runtime puts it aside, as host.json says.
MOST_DELIVERIES = 5

_NO_HOST = FakeEgress(lambda _: Answer(status=404))
_SECRETS: Mapping[str, SecretStr] = MappingProxyType({SECRET_SETTING: SecretStr(SECRET)})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all processes of a schedule have in common."""

    scenario: Scenario
    account: Account
    catalog: MemoryCatalog
    scheduler: Scheduler
    choices: Choices
    weather: Weather
    tally: Tally
    trace: Trace
    #: How many messages a process is told that there are.
    counted: Callable[[str], int]
    #: Whenever a source is opened, or the ledger has answered an invocation.
    opened: Callable[[], None]
    answered: Callable[[Invocation, Mapping[Identity, Entry]], None]
    #: What nobody could catch.
    troubled: Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process, and its use cases."""

    number: int
    loop: ProcessLoop
    effects: Effects
    starting: Starting
    discovery: Discovery
    intake: Intake
    copying: Copying
    publishing: Publishing
    control: Control
    preserving: Preserving

    @classmethod
    def start(cls, number: int, around: Surroundings, *, kill: Callable[[], None]) -> "Worker":
        """Start a process; ``kill`` ends it from within."""
        loop = ProcessLoop(around.scheduler, troubled=around.troubled)
        effects = Effects(
            process=number,
            loop=loop,
            scheduler=around.scheduler,
            choices=around.choices,
            weather=around.weather,
            tally=around.tally,
            trace=around.trace,
            kill=kill,
        )
        pipeline = pipeline_of(number, around, effects=effects, loop=loop)
        documents = pipeline.documents()
        guards = Guards(
            http=_NO_HOST,
            secrets=_SECRETS,
            built_in_authentication=False,
            clock=pipeline.environment.clock,
            monotonic=loop.time,
        )
        return cls(
            number=number,
            loop=loop,
            effects=effects,
            starting=pipeline.starting(),
            discovery=pipeline.discovery(documents),
            intake=pipeline.intake(documents, guards=guards),
            copying=pipeline.copying(),
            publishing=pipeline.publishing(),
            control=pipeline.control(),
            preserving=pipeline.preserving(effects.port(StoreMailbox(around.account.messages), "mailbox")),
        )

    @property
    def is_dead(self) -> bool:
        """Whether it was killed."""
        return self.effects.is_dead

    @property
    def has_all_memory_back(self) -> bool:
        """Whether no copy holds a buffer."""
        # The use case knows the engine by its one method.
        engine = getattr(self.copying.copy, "__self__", None)
        assert isinstance(engine, Engine)
        budget = engine.budget
        return budget.free == budget.whole(1 << 62)

    def die(self) -> None:
        """End it: from now on nothing that it does has an effect."""
        self.effects.is_dead = True


def pipeline_of(number: int, around: Surroundings, *, effects: Effects, loop: ProcessLoop) -> Pipeline:
    """The app of a process."""
    scenario, account, scheduler, choices = around.scenario, around.account, around.scheduler, around.choices
    skew = scenario.skews[number % len(scenario.skews)]
    blobs = called_blobs(account.blobs, effects)
    catalog = effects.port(around.catalog, "catalog", error=unavailable)
    names = iter(range(1, 1 << 30))

    async def sleep(seconds: float) -> None:
        await loop.sleep(seconds)

    return Pipeline(
        settings=scenario.settings(block_size=scenario.block_sizes[number % len(scenario.block_sizes)]),
        datasets=scenario.datasets,
        ports=Ports(
            queues=CalledQueues(account.messages, effects, counted=around.counted),
            runs=effects.port(account.runs, "runs"),
            plans=Plans(runs=effects.port(account.plans, "plans"), totals=effects.port(account.totals, "totals")),
            holds=effects.port(account.holds, "holds"),
            watermarks=effects.port(account.watermarks, "watermarks"),
            ledger=called_ledger(account.ledger, effects, answered=around.answered),
            failures=called_failures(account.failures, effects),
            activities=effects.port(account.activities, "activities"),
            blobs=blobs,
            items=Items(blobs),
            sources=CalledSources(
                {each.href: each for each in scenario.files.values()},
                effects=effects,
                now=lambda: scheduler.now,
                choices=choices,
                weather=around.weather,
                opened=around.opened,
            ),
            catalog_of=lambda _: catalog,
        ),
        environment=Environment(
            name=f"process-{number}",
            clock=lambda: clock(scheduler.now) + skew,
            chance=lambda: choices.amount("chance"),
            sleep=sleep,
            new_id=lambda began: f"{began:%Y%m%dT%H%M%SZ}-{number}-{next(names)}",
        ),
        prices=_prices(),
        endpoint=ENDPOINT,
        capacity=scenario.capacity,
        most_deliveries=MOST_DELIVERIES,
    )


def clock(now: float) -> datetime:
    """The true time."""
    return START + timedelta(seconds=now)


@functools.cache
def _prices() -> Prices:
    return load_prices()
