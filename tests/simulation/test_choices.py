"""Decisions come from where they are said to come from."""

import itertools

import pytest

from tests.simulation.choices import Decision, Exhaustive, Seeded


def test_the_same_seed_decides_the_same() -> None:
    """What is decided depends on the seed, on what it is about, and on how often that was decided before."""
    one, other = Seeded(7), Seeded(7)

    decided = [one.pick("a", 100) for _ in range(50)]
    # Another question in between changes nothing.
    asked_between = [(other.pick("b", 100), other.pick("a", 100))[1] for _ in range(50)]

    assert decided == asked_between
    assert decided != [Seeded(8).pick("a", 100) for _ in range(50)]


def test_decisions_are_spread_evenly() -> None:
    """Each answer is as likely, within seeds and over them, and a weight is a probability."""
    choices = Seeded(1)
    picks = [choices.pick("a", 4) for _ in range(4000)] + [Seeded(seed).pick("a", 4) for seed in range(4000)]
    weighed = [choices.weighted("b", (0.1, 0.2)) for _ in range(10_000)]
    amounts = [choices.amount("c") for _ in range(4000)]

    assert all(1800 < picks.count(each) < 2200 for each in range(4))
    assert 850 < weighed.count(1) < 1150
    assert 1850 < weighed.count(2) < 2150
    assert 0.48 < sum(amounts) / len(amounts) < 0.52


def test_how_long_a_call_takes_says_nothing_of_what_goes_wrong_with_it() -> None:
    """Of one draw the first digits decide, and the later ones are the amount."""
    calls = [Seeded(seed).call("a", (0.1,)) for seed in range(5000)]

    slow = [amount for decided, amount in calls if decided]
    assert 0.45 < sum(slow) / len(slow) < 0.55


def test_what_was_not_tame_is_remembered() -> None:
    """Made decisions are named by what they are about and their number."""
    choices = Seeded(3)

    decided = [choices.pick("a", 3) for _ in range(20)]

    assert choices.made == [Decision(what="a", number=number) for number, each in enumerate(decided) if each]


def test_all_but_some_decisions_can_be_tame() -> None:
    """Of the decisions that are kept each is as it was; all others are tame."""
    whole = Seeded(3)
    decided = [whole.pick("a", 3) for _ in range(20)]
    kept = whole.made[::2]

    rest = Seeded(3, only=kept)
    again = [rest.pick("a", 3) for _ in range(20)]

    numbers = {each.number for each in kept}
    assert again == [each if number in numbers else 0 for number, each in enumerate(decided)]
    assert rest.made == kept


def test_a_decision_is_read_as_it_was_written() -> None:
    """What a replay is told is what a failure printed."""
    decision = Decision(what="fault copy:queues.send#odd", number=12)

    assert Decision.parse(str(decision)) == decision


def test_everything_is_decided() -> None:
    """Without a bound, every combination comes once; what hangs on another decision is asked only where it is met."""
    choices = Exhaustive(most=10)

    decided = [(first := each.pick("a", 3), each.pick("b", 2) if first else -1) for each in choices.schedules()]

    assert decided == [(0, -1), (1, 0), (1, 1), (2, 0), (2, 1)]


@pytest.mark.parametrize(("most", "count"), [(0, 1), (1, 1 + 6), (2, 1 + 6 + 15)])
def test_few_things_go_wrong_at_once(most: int, count: int) -> None:
    """Of six things each of which can go wrong, so many do at most, in every combination."""
    choices = Exhaustive(most=most)

    decided = [tuple(each.weighted("a", (1.0,)) for _ in range(6)) for each in choices.schedules()]

    expected = {each for each in itertools.product((0, 1), repeat=6) if sum(each) <= most}
    assert (len(decided), set(decided)) == (count, expected)


def test_what_has_no_weight_does_not_happen() -> None:
    """Of several faults only those are decided that can be."""
    choices = Exhaustive(most=1)

    assert [each.weighted("a", (0.0, 0.5)) for each in choices.schedules()] == [0, 2]
