"""Whether a host is asked at all."""

from datetime import timedelta

import pytest

from shared.egress.gate import Gate, Trouble
from shared.model.errors import HostClosedError, SourceThrottledError
from tests.unit.egress.test_room import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("data.example.org", clock=clock)


def fail(gate: Gate, times: int, *, trouble: Trouble = Trouble.REFUSALS) -> None:
    """Fail as many assets in a row."""
    for number in range(times):
        gate.failed(f"/{number}", trouble, is_probe=False)


def closed(gate: Gate) -> timedelta | None:
    """For how long the gate is closed."""
    try:
        gate.check()
    except (HostClosedError, SourceThrottledError) as error:
        return error.retry_after
    return None


@pytest.mark.parametrize("trouble", list(Trouble))
def test_five_assets_in_a_row_close_a_host(gate: Gate, trouble: Trouble) -> None:
    """The fifth, whether all were refused or the host is down; the error says what it was."""
    fail(gate, 4, trouble=trouble)
    gate.check()

    gate.failed("/fifth", trouble, is_probe=False)

    with pytest.raises(HostClosedError, match=str(trouble)[:12]):
        gate.check()
    assert closed(gate) == timedelta(seconds=30)


def test_one_forbidden_asset_closes_nothing(gate: Gate) -> None:
    """However often it is asked for: it is its own trouble, and has to fail for good."""
    for _ in range(20):
        gate.failed("/forbidden", Trouble.REFUSALS, is_probe=False)

    assert closed(gate) is None


def test_a_success_between_failures_keeps_a_host_open(gate: Gate) -> None:
    """Forbidden assets among good ones stand each for itself."""
    for _ in range(5):
        fail(gate, 4)
        gate.succeeded()

    assert closed(gate) is None


def test_one_probe_at_a_time(gate: Gate, clock: Clock) -> None:
    """After the pause the first request tries, and the others are told to come again."""
    fail(gate, 5)
    clock.now += 30

    gate.check()

    assert gate.enter()
    assert closed(gate) == timedelta(seconds=15)


def test_a_probe_that_succeeds_opens_the_host(gate: Gate, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """For all, and the next pause is a short one again."""
    fail(gate, 5)
    clock.now += 30
    is_probe = gate.enter()
    with caplog.at_level("INFO"):
        gate.succeeded()
    gate.leave(is_probe=is_probe)

    assert closed(gate) is None
    assert not gate.enter()
    assert [each.__dict__["action"] for each in caplog.records] == ["host_closed", "host_opened"]
    fail(gate, 5)
    assert closed(gate) == timedelta(seconds=30)


def test_each_probe_that_fails_doubles_the_pause(gate: Gate, clock: Clock) -> None:
    """Up to a quarter of an hour."""
    pauses: list[float] = []
    fail(gate, 5)
    for _ in range(7):
        wait = closed(gate)
        assert wait is not None
        pauses.append(wait.total_seconds())
        clock.now += pauses[-1]
        is_probe = gate.enter()
        gate.failed("/probe", Trouble.OUTAGE, is_probe=is_probe)
        gate.leave(is_probe=is_probe)

    assert pauses == [30, 60, 120, 240, 480, 900, 900]


def test_a_probe_that_ends_without_an_answer_is_followed_by_another(gate: Gate, clock: Clock) -> None:
    """Its invocation was cancelled, say: nothing is known, so the next one tries."""
    fail(gate, 5)
    clock.now += 30
    gate.leave(is_probe=gate.enter())

    gate.check()

    assert gate.enter()


def test_failures_of_before_lengthen_nothing(gate: Gate, clock: Clock) -> None:
    """What was under way when the host was closed tells nothing new."""
    fail(gate, 5)
    clock.now += 10
    fail(gate, 5)

    assert closed(gate) == timedelta(seconds=20)


def test_a_host_gets_the_patience_that_it_asks_for(gate: Gate, clock: Clock) -> None:
    """At once, and the longest of what it asked for; the error says how much is left."""
    gate.asked_for_patience(timedelta(seconds=60))
    gate.asked_for_patience(timedelta(seconds=10))
    clock.now += 20

    with pytest.raises(SourceThrottledError, match=r"data\.example\.org has asked for patience"):
        gate.check()
    assert closed(gate) == timedelta(seconds=40)
    clock.now += 40
    assert closed(gate) is None
