"""Units of one limit."""

import math

import pytest

from shared.egress.room import Room


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:  # noqa: D102 - what a clock does
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Room:
    """Room for ten units in two seconds."""
    room = Room(period=2, clock=clock)
    room.capacity = 10
    return room


def test_what_is_free_fits_at_once(room: Room) -> None:
    """As many as there are, and no more."""
    room.take(4)

    assert room.wait(6) == 0
    assert room.wait(7) == math.inf


def test_what_was_spent_counts_for_a_period(room: Room, clock: Clock) -> None:
    """From when it was spent: then it is free again."""
    room.take(10)
    clock.now += 5
    room.spend(10)

    assert (room.counted, room.in_use) == (10, 0)
    assert room.wait(1) == 2
    clock.now += 2
    assert (room.counted, room.wait(10)) == (0, 0)


def test_time_alone_frees_what_was_spent_first(room: Room, clock: Clock) -> None:
    """One waits for as many of the oldest as are missing."""
    room.take(10)
    room.spend(3)
    clock.now += 1
    room.spend(3)

    assert room.wait(3) == 1
    assert room.wait(4) == 2
    assert room.wait(7) == math.inf


def test_what_wasnt_used_counts_no_more(room: Room) -> None:
    """It is free at once."""
    room.take(10)
    room.leave(4)

    assert room.wait(4) == 0


def test_nothing_spent_leaves_no_trace(room: Room) -> None:
    """To spend nothing changes nothing."""
    room.spend(0)

    assert (room.counted, room.wait(10)) == (0, 0)
