"""Queues as the service has them."""

from datetime import timedelta

import pytest

from tests.simulation.messages import WEEK_SECONDS, Message, MessageStore


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def store(clock: _Clock) -> MessageStore:
    return MessageStore(clock)


def _received(store: MessageStore, *, most: int = 32, hidden_for: float = 30.0) -> list[str]:
    return [each.body for each, _ in store.receive("q", most=most, hidden_for=hidden_for)]


def test_what_is_received_is_hidden(store: MessageStore, clock: _Clock) -> None:
    """A message that somebody has is nobody else's until its lease ends; then its count goes up."""
    sent = store.send("q", "one")

    assert _received(store) == ["one"]
    assert _received(store) == []
    clock.now += 30.0
    assert _received(store) == ["one"]
    assert sent.deliveries == 2


def test_a_delayed_message_comes_later(store: MessageStore, clock: _Clock) -> None:
    """It is hidden for whole seconds, and counts meanwhile."""
    store.send("q", "later", delay=timedelta(seconds=1.5))

    clock.now += 1.5
    assert (_received(store), store.count("q")) == ([], 1)
    clock.now += 0.5
    assert _received(store) == ["later"]


def test_a_batch_has_a_size(store: MessageStore) -> None:
    """No more than asked for are received, the first ones first."""
    for body in "abc":
        store.send("q", body)

    assert _received(store, most=2) == ["a", "b"]


def test_only_the_last_receipt_is_good(store: MessageStore, clock: _Clock) -> None:
    """Who lost a message to somebody else can neither delete nor hide it."""
    sent = store.send("q", "one")
    ((_, first),) = store.receive("q", most=1, hidden_for=1.0)
    clock.now += 1.0
    ((_, second),) = store.receive("q", most=1, hidden_for=1.0)

    assert not store.delete(sent, first)
    assert store.hide(sent, first, hidden_for=9.0) is None
    assert store.delete(sent, second)
    assert not store.delete(sent, second)
    assert store.count("q") == 0


def test_hiding_changes_the_receipt(store: MessageStore, clock: _Clock) -> None:
    """A renewed lease lasts, and its message is deleted by the new receipt."""
    sent = store.send("q", "one")
    ((_, receipt),) = store.receive("q", most=1, hidden_for=10.0)
    renewed = store.hide(sent, receipt, hidden_for=20.0)
    clock.now += 10.0

    assert _received(store) == []
    assert renewed is not None
    assert (store.delete(sent, receipt), store.delete(sent, renewed)) == (False, True)


def test_a_message_expires(clock: _Clock) -> None:
    """What the runtime sends is gone after a week, and whoever watches is told; what the pipeline sends stays."""
    removed: list[Message] = []
    store = MessageStore(clock, removed=removed.append)
    poison = store.send("q", "by the runtime", lives=WEEK_SECONDS)
    store.send("q", "for ever")
    clock.now += WEEK_SECONDS

    assert store.count("q") == 1
    assert removed == [poison]
    assert list(store.bodies("q")) == ["for ever"]
