"""Whether a run's counts add up."""

import pytest

from shared.model.counts import Counts, PartCounts, Verdict, WindowCounts, judge

_WHOLE = PartCounts(available=10, filtered=1, refused=2, items_sent=3, items_already=4, matched=10)


def _windows(*parts: PartCounts) -> dict[int, WindowCounts]:
    windows: dict[int, WindowCounts] = {}
    for part in parts:
        windows[part.window] = windows.get(part.window, WindowCounts()).with_part(part)
    return windows


def _of(available: int, *, window: int = 0, matched: int | None = None) -> PartCounts:
    return PartCounts(available=available, items_sent=available, matched=matched, window=window)


def test_counts_together() -> None:
    """Each is added to its like; what only a part says stays its own."""
    one = Counts(
        available=1, filtered=2, refused=3, items_sent=4, items_already=5, repeated=6, sent=7, already=8, sent_bytes=9
    )

    both = one.plus(PartCounts(available=1, sent=1, sent_bytes=2, matched=9, done=True))

    assert both == one.model_copy(update={"available": 2, "sent": 8, "sent_bytes": 11})
    assert one.settled == 14


def test_a_run_that_adds_up() -> None:
    """As many items as the catalog states, of which all are sent, already there, filtered or refused."""
    assert judge(_windows(_WHOLE)) == Verdict()


@pytest.mark.parametrize("field", ["filtered", "refused", "items_sent", "items_already"])
def test_an_item_whose_fate_is_unknown(field: str) -> None:
    """One item fewer of any fate, as where a part's row is missing: the numbers stand in the verdict."""
    windows = _windows(_WHOLE.model_copy(update={field: getattr(_WHOLE, field) - 1}))

    because = judge(windows).because

    assert because is not None
    assert because.startswith("the window from page 0 has 10 items, but ")


def test_the_fates_stand_in_the_reason() -> None:
    """Whoever reads it can add them up."""
    because = judge(_windows(_WHOLE.model_copy(update={"available": 11}))).because

    assert because == ("the window from page 0 has 11 items, but 3 sent + 4 already there + 1 filtered + 2 refused")


@pytest.mark.parametrize("stated", [9, 11])
def test_another_number_than_the_catalog_states(stated: int) -> None:
    """An item fewer or more than stated isn't complete."""
    verdict = judge(_windows(_of(10, matched=stated)))

    assert verdict == Verdict(because=f"the window from page 0 has 10 items, but the catalog states {stated}")


@pytest.mark.parametrize(
    ("available", "verdict"),
    [
        (8, Verdict(because="the window from page 0 has 8 items, but the catalog states 9 to 11")),
        (9, Verdict(is_doubtful=True)),
        (10, Verdict(is_doubtful=True)),
        (11, Verdict()),
        (12, Verdict(because="the window from page 0 has 12 items, but the catalog states 9 to 11")),
    ],
)
def test_a_catalog_that_changes(available: int, verdict: Verdict) -> None:
    """What came lies between the fewest and the most that was stated; below the most an item may have slipped by."""
    parts = [_of(each, matched=stated) for each, stated in ((available - 7, 10), (5, 11), (2, 9))]

    assert judge(_windows(*parts)) == verdict


def test_what_comes_twice_counts_once() -> None:
    """An item that was listed again far behind makes no number of items too large."""
    (window,) = _windows(_of(11, matched=10)).values()

    assert window.is_over
    assert judge({0: WindowCounts(counts=window.counts, fewest=10, most=10, twice=1)}) == Verdict()


def test_a_catalog_that_states_nothing() -> None:
    """Without a count the last page speaks, and what was found there is the reason."""
    quiet = _of(10)
    changed = quiet.model_copy(update={"changed": "its last page has a next one when it is looked at again"})

    assert judge(_windows(quiet)) == Verdict()
    assert judge(_windows(changed)) == Verdict(
        because="the window from page 0 has 10 items, but its last page has a next one when it is looked at again"
    )


def test_windows_are_judged_each() -> None:
    """One window's surplus doesn't make up for another's lack; the first lack is told, and how many more there are."""
    windows = _windows(_of(4, window=1, matched=5), _of(7, window=3, matched=6), _of(5, window=9, matched=5))

    assert judge(windows) == Verdict(
        because="the window from page 1 has 4 items, but the catalog states 5; and 1 more like it"
    )


@pytest.mark.parametrize(
    ("whole", "because"),
    [
        (None, "the parts of the window have 9 items together, but the catalog states 10 of all of it"),
        (12, "the parts of the window have 9 items together, but the catalog states 10 of all of it"),
        (9, None),
    ],
)
def test_parts_of_a_window(whole: int | None, because: str | None) -> None:
    """Together they have what the whole states, at the beginning or at the end: what has no time lies in no part."""
    split = PartCounts(matched=10, is_split=True)

    assert judge(_windows(split, _of(4, window=1, matched=4), _of(5, window=2, matched=5)), whole=whole) == Verdict(
        because=because
    )


def test_a_window_that_was_split_at_its_end() -> None:
    """What was read before the cap was met isn't judged: its parts are."""
    read = PartCounts(available=10, items_sent=10)
    last = PartCounts(is_split=True)

    assert judge(_windows(read, last, _of(9, window=2), _of(4, window=5))) == Verdict()


def test_a_moment_above_the_cap() -> None:
    """A window that can't be split is never taken for whole."""
    verdict = judge(_windows(PartCounts(available=10, items_sent=10, matched=10, is_capped=True)))

    assert verdict == Verdict(
        because="the window from page 0 can't be split, and lists 10 items: as many as the catalog lists at most"
    )
