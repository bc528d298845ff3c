"""What is found in the data account."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from shared.doctor import Doctor, Finding, Health
from shared.model.datasets import Datasets
from shared.model.messages import Queue
from shared.storage.mailbox import encoded
from shared.storage.premises import Found, Look, Place
from tests.fakes.mailbox import WEEK, MemoryMailbox
from tests.fakes.premises import MemoryPremises
from tests.unit.discovery.world import Clock
from tests.unit.model.builders import copy_request, dataset

_DAY = timedelta(days=1)
_BODY = copy_request().encode()
_QUEUES = [name for each in Queue for name in (each.value, each.poison)]


class _World:
    """An account that has all that an app needs."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.mailbox = MemoryMailbox(clock=self.clock)
        self.premises = MemoryPremises(clock=self.clock)
        self.premises.made = {
            *((Place.QUEUE, each) for each in _QUEUES),
            (Place.TABLE, "ledger"),
            *((Place.CONTAINER, each) for each in ("pages", "assets")),
        }

    async def findings(self) -> dict[str, list[Finding]]:
        """What is found, by what was looked at."""
        doctor = Doctor(
            datasets=Datasets(datasets={"s2": dataset()}),
            premises=self.premises,
            mailbox=self.mailbox,
            tables=("ledger",),
            containers=("pages",),
            clock=self.clock,
        )
        found: dict[str, list[Finding]] = {}
        for each in await doctor.findings():
            found.setdefault(each.check, []).append(each)
        return found

    async def problems(self) -> list[tuple[str, str]]:
        """What isn't well, and where; each says what to do."""
        wrong = [each for some in (await self.findings()).values() for each in some if each.health is Health.PROBLEM]
        assert all(each.mend for each in wrong)
        return [(each.check, each.told) for each in wrong]


async def test_an_account_that_is_well() -> None:
    """Every place is named once, every queue's messages, and the clock; nothing is to be mended."""
    world = _World()
    world.mailbox.put("copy", encoded(_BODY))
    world.clock.pass_by(timedelta(hours=23))

    found = await world.findings()

    assert list(found) == [
        *(f"queue {each}" for each in _QUEUES),
        "table ledger",
        "container assets",
        "container pages",
        "clock of this machine",
        *(f"messages of {each}" for each in _QUEUES),
    ]
    assert {(each.health, each.mend) for some in found.values() for each in some} == {(Health.OK, "")}
    assert found["messages of copy"][0].told == "looked at 1 of at most 32, the oldest is 23 h old"
    assert found["messages of copy-poison"][0].told == "looked at 0 of at most 32"


@pytest.mark.parametrize(
    ("place", "name"), [(Place.QUEUE, "copy-live"), (Place.TABLE, "ledger"), (Place.CONTAINER, "assets")]
)
@pytest.mark.parametrize(
    ("look", "told", "mend"),
    [
        (Look(found=Found.MISSING, told="404"), "missing: 404", "deploy the templates again"),
        (Look(found=Found.FORBIDDEN, told="403 AuthorizationFailure"), "forbidden: 403 AuthorizationFailure", "role"),
        (Look(found=Found.UNREACHABLE, told="ServiceRequestError"), "unreachable: ServiceRequestError", "network"),
    ],
    ids=["missing", "forbidden", "unreachable"],
)
async def test_a_place_that_cant_be_read(place: Place, name: str, look: Look, told: str, mend: str) -> None:
    """How it was found, and what to do; a queue's messages aren't looked at then."""
    world = _World()
    world.premises.answers[place, name] = look

    found = await world.findings()

    (finding,) = found[f"{place} {name}"]
    assert (finding.health, finding.told) == (Health.PROBLEM, told)
    assert mend in finding.mend
    assert ("messages of copy-live" in found) is (place is not Place.QUEUE)


@pytest.mark.parametrize(
    ("place", "role"),
    [
        (Place.QUEUE, "Storage Queue Data Reader"),
        (Place.TABLE, "Storage Table Data Reader"),
        (Place.CONTAINER, "Storage Blob Data Reader"),
    ],
)
async def test_the_role_that_is_missing_is_named(place: Place, role: str) -> None:
    """By the name that Azure has for it."""
    world = _World()
    name = {Place.QUEUE: "copy", Place.TABLE: "ledger", Place.CONTAINER: "pages"}[place]
    world.premises.answers[place, name] = Look(found=Found.FORBIDDEN, told="403")

    (finding,) = (await world.findings())[f"{place} {name}"]

    assert role in finding.mend


@pytest.mark.parametrize(
    ("skew", "health", "told"),
    [
        (timedelta(seconds=60), Health.OK, "within 60 s of the service's"),
        (timedelta(seconds=61), Health.PROBLEM, "61 s behind the service's"),
        (timedelta(seconds=-61), Health.PROBLEM, "61 s ahead of the service's"),
    ],
)
async def test_a_clock_that_is_wrong(skew: timedelta, health: Health, told: str) -> None:
    """More than a minute is too much, either way."""
    world = _World()
    world.premises.skew = skew

    (finding,) = (await world.findings())["clock of this machine"]

    assert (finding.health, finding.told) == (health, told)


async def test_a_clock_with_nothing_to_compare_it_with() -> None:
    """Where nothing answered, that is said; it isn't a problem of its own."""
    world = _World()
    places = [*world.premises.made]
    world.premises.answers = dict.fromkeys(places, Look(found=Found.UNREACHABLE, told="no connection"))

    (finding,) = (await world.findings())["clock of this machine"]

    assert finding.health is Health.NOTE


@pytest.mark.parametrize("queue", _QUEUES)
async def test_messages_that_the_host_cant_decode(queue: str) -> None:
    """They are counted in any queue."""
    world = _World()
    world.mailbox.put(queue, "{}")
    world.mailbox.put(queue, encoded(_BODY))

    assert await world.problems() == [
        (f"messages of {queue}", "1 of 2 aren't Base64, so that the host can't hand them to a function")
    ]


async def test_messages_that_the_host_didnt_decode() -> None:
    """Poison that is Base64 twice comes of a host that handed Base64 on, by another messageEncoding."""
    world = _World()
    world.mailbox.put("copy-poison", encoded(base64.b64encode(_BODY.encode()).decode()))
    world.mailbox.put("copy-poison", encoded(_BODY))

    assert await world.problems() == [
        ("messages of copy-poison", "1 of 2 were handed to their function without being decoded")
    ]


@pytest.mark.parametrize("queue", _QUEUES)
@pytest.mark.parametrize(("left", "is_soon"), [(3 * _DAY, False), (3 * _DAY - timedelta(seconds=1), True)])
async def test_messages_that_are_soon_gone(queue: str, left: timedelta, *, is_soon: bool) -> None:
    """Less than three days is soon, in any queue."""
    world = _World()
    world.mailbox.put(queue, encoded(_BODY), lives=left)
    world.mailbox.put(queue, encoded(_BODY))

    assert await world.problems() == (
        [(f"messages of {queue}", "1 of 2 are gone in less than 3 days, the first of them in 2 d")] if is_soon else []
    )


@pytest.mark.parametrize(
    ("queue", "values", "age", "told"),
    [
        ("copy", {}, _DAY, None),
        ("copy", {}, _DAY + timedelta(seconds=1), "a message has stood there for 1 d"),
        ("copy-poison", {}, 40 * _DAY, None),
        ("copy-poison", {"lives": WEEK}, timedelta(hours=2), None),
        ("copy-poison", {"lives": WEEK}, timedelta(hours=3), "1 of 1 were never preserved, and will expire"),
    ],
    ids=["a day", "longer", "poison for ever", "fresh poison", "poison that nobody preserves"],
)
async def test_messages_that_stand_too_long(
    queue: str, values: dict[str, Any], age: timedelta, told: str | None
) -> None:
    """Work for more than a day: nobody takes it. Poison that expires for more than two hours: no timer preserves it."""
    world = _World()
    world.mailbox.put(queue, encoded(_BODY), **values)
    world.clock.pass_by(age)

    assert await world.problems() == ([(f"messages of {queue}", told)] if told else [])


async def test_messages_that_cant_be_read() -> None:
    """A queue that is there and whose messages can't be read: the role reads both."""
    world = _World()
    world.mailbox.broken.add("publish")

    assert await world.problems() == [("messages of publish", "queue publish: it is broken")]
