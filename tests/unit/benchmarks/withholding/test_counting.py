import pytest

from benchmarks.withholding.counting import (
    Story,
    area,
    held,
    idle_share,
    mean,
    outstanding,
    peak,
    percentile,
    stories,
    thinned,
)
from tests.unit.benchmarks.withholding.made import deleted, received, sent, updated


def test_outstanding_is_what_was_sent_and_not_acknowledged() -> None:
    """Sends that were accepted count up, acknowledgements that were granted down; nothing else counts."""
    calls = [
        sent(1, "a", "x"),
        sent(2, "b", "y"),
        sent(2.5, "c", "z", queue="copy-later"),
        received(3, "a"),
        updated(3.5, "a", hides=3),
        deleted(4, "a"),
        deleted(5, "a", status=404),
        deleted(6, "b"),
    ]

    assert outstanding(calls, queue="copy") == [(1, 1), (2, 2), (4, 1), (6, 0)]


def test_held_ends_with_an_acknowledgement_or_a_release() -> None:
    """A message is worked from its receipt on; a renewal of its lease changes nothing, a receipt of nothing neither."""
    calls = [
        received(1, "a", "b"),
        received(1.5),
        updated(2, "a", hides=600),
        updated(3, "a", hides=3),
        deleted(4, "b"),
        received(6, "a"),
        deleted(7, "a"),
    ]

    assert held(calls, queue="copy") == [(1, 2), (3, 1), (4, 0), (6, 1), (7, 0)]


def test_an_item_is_open_until_its_last_message_is_acknowledged() -> None:
    """What was put off is sent again before the message is deleted, perhaps in another lane, so the item stays open."""
    calls = [
        sent(1, "a", "x"),
        received(2, "a"),
        sent(3, "b", "x", queue="copy-later"),
        deleted(4, "a"),
        received(8, "b", queue="copy-later"),
        deleted(9, "b", queue="copy-later"),
    ]

    told = stories(calls, lanes=("copy", "copy-later"))

    assert told == {"backfill/x": Story(opened=1, begun=2, closed=9, is_whole=True)}


def test_an_item_with_poison_is_never_whole() -> None:
    """One asset that failed for good leaves its item closed and not whole; another item of the queue is whole."""
    calls = [
        sent(1, "a", "x"),
        sent(1, "b", "y"),
        sent(2, "c", "x", queue="copy-poison"),
        deleted(3, "a"),
        deleted(4, "b"),
    ]

    told = stories(calls, lanes=("copy",))

    assert told == {
        "backfill/x": Story(opened=1, begun=None, closed=3, is_whole=False),
        "backfill/y": Story(opened=1, begun=None, closed=4, is_whole=True),
    }


def test_an_item_that_still_has_a_message_is_open() -> None:
    """Nothing closes it, though one of its messages was acknowledged."""
    calls = [sent(1, "a", "x"), sent(2, "b", "x"), deleted(3, "a")]

    assert stories(calls, lanes=("copy",)) == {"backfill/x": Story(opened=1, begun=None, closed=None, is_whole=False)}


@pytest.mark.parametrize(("span", "expected"), [((0, 10), 5), ((2.5, 10), 4), ((3, 10), 4), ((4.5, 10), 1)])
def test_a_peak_of_a_time(span: tuple[float, float], expected: int) -> None:
    """What held when the time began counts, what came before doesn't."""
    assert peak([(1, 2), (2, 5), (2.4, 4), (4, 1)], span=span) == expected


def test_the_peak_of_nothing() -> None:
    """A queue that nobody used had no messages."""
    assert peak([]) == 0


@pytest.mark.parametrize(("span", "expected"), [((0, 10), 2 + 5 + 7), ((1.5, 2.5), 1 + 2.5), ((5, 5), 0)])
def test_an_area_of_a_time(span: tuple[float, float], expected: float) -> None:
    """Numbers times the seconds for which each held, cut at both ends."""
    assert area([(1, 2), (2, 5), (3, 1)], span=span) == expected


@pytest.mark.parametrize(("span", "expected"), [((0, 4), (2 + 5 + 1) / 4), ((4, 4), 0)])
def test_a_mean_of_a_time(span: tuple[float, float], expected: float) -> None:
    """An area by its length; of no time it is nothing."""
    assert mean([(1, 2), (2, 5), (3, 1)], span=span) == expected


def test_idle_share() -> None:
    """Of four slots over ten seconds, half were busy for five seconds and all for the rest: a quarter was idle."""
    assert idle_share([(0, 2), (5, 4)], slots=4, span=(0, 10)) == 0.25


@pytest.mark.parametrize(("outage", "expected"), [((5, 10), 0.5), ((-5, 5), 0.0), ((20, 30), 0.25)])
def test_idle_share_without_an_outage(outage: tuple[float, float], expected: float) -> None:
    """Slots of that time count neither as idle nor as busy."""
    assert idle_share([(0, 2), (5, 4)], slots=4, span=(0, 10), without=[outage]) == expected


def test_idle_share_of_no_time() -> None:
    """Nothing is idle where there was no time to be."""
    assert idle_share([(0, 2)], slots=4, span=(3, 3)) == 0


@pytest.mark.parametrize(("percent", "expected"), [(95, 19), (96, 20), (50, 10), (0, 1)])
def test_percentile(percent: float, expected: int) -> None:
    """The least of the values that so many percent of twenty are not above."""
    assert percentile(range(20, 0, -1), percent) == expected


def test_percentile_of_nothing() -> None:
    """There is none, and zero would be a lie."""
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 95)


def test_thinning_keeps_peaks() -> None:
    """A peak that lasts for a moment is seen in its part of the time, and what holds on in each after it."""
    assert thinned([(1, 3), (1.1, 90), (1.2, 2), (3.5, 0)], span=(0, 4), points=4) == [0, 90, 2, 2]
