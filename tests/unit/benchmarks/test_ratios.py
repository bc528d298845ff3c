from benchmarks.measured import Failed, Measured
from benchmarks.ratios import Goal, Measure, Round, Row, cpu, growth, memory, speed, within

RIVALS = ("rclone 4", "rclone 16")
FAILED = Failed(reason="it ended with 1")


def measured(seconds: float, *, cpu: float = 1, peak: int = 100, base: int | None = None) -> Measured:
    return Measured(seconds=seconds, cpu_seconds=cpu, peak_bytes=peak, base_bytes=base)


def a_round(ours: Measured | Failed, four: Measured | Failed, sixteen: Measured | Failed) -> Round:
    return {"ours": ours, "rclone 4": four, "rclone 16": sixteen}


def row_of(rounds: list[Round], *, at_least: float = 1.2) -> Row:
    measure = Measure(title="speed", goal=Goal(bound=at_least, at_least=True), ratio=speed("ours", RIVALS))
    return measure.row(rounds, experiment="e", workload="w", destination="d", ours=("ours",))


def test_speed_is_that_of_the_fastest_rival() -> None:
    """A rival that took 6 s beside one that took 9 s makes 3 s twice as fast."""
    assert speed("ours", RIVALS)(a_round(measured(3), measured(9), measured(6))) == 2


def test_memory_is_that_of_the_fastest_rival() -> None:
    """The setting that is best at speed is the one whose memory counts, though the other has less."""
    found = a_round(measured(3, peak=50), measured(9, peak=10), measured(6, peak=200))

    assert memory("ours", RIVALS)(found) == 0.25


def test_cpu_is_that_of_the_fastest_rival() -> None:
    """CPU is compared with the same run that speed is compared with."""
    found = a_round(measured(3, cpu=3), measured(9, cpu=1), measured(6, cpu=2))

    assert cpu("ours", RIVALS)(found) == 1.5


def test_a_rival_that_failed_fast_does_not_win() -> None:
    """The rival that is left is compared."""
    assert speed("ours", RIVALS)(a_round(measured(3), measured(6), FAILED)) == 2


def test_a_round_without_a_rival_has_no_ratio() -> None:
    """Nobody to compare with is no victory."""
    assert speed("ours", RIVALS)(a_round(measured(3), FAILED, FAILED)) is None


def test_our_own_failure_has_no_ratio() -> None:
    """A run that failed is never a fast one."""
    assert speed("ours", RIVALS)(a_round(FAILED, measured(6), measured(6))) is None


def test_growth_is_against_the_least_cost() -> None:
    """What a run costs by itself makes the smallest one dear, and doesn't hide growth."""
    found: Round = {"10": measured(20), "100": measured(100), "1000": measured(1500)}

    ratio = growth({"10": 10, "100": 100, "1000": 1000}, lambda each: each.seconds)

    assert ratio(found) == 1.5


def test_growth_needs_all_runs() -> None:
    """A run that failed leaves no growth to speak of."""
    ratio = growth({"10": 10, "100": 100}, lambda each: each.seconds)

    assert ratio({"10": FAILED, "100": measured(100)}) is None


def test_memory_within_base_and_budget() -> None:
    """The peak is a part of what the warm process had and its budget."""
    assert within("ours", 300)({"ours": measured(1, peak=200, base=100)}) == 0.5


def test_memory_of_a_run_that_failed() -> None:
    """Neither a failed run nor one without a base has a ratio."""
    ratio = within("ours", 300)

    assert (ratio({"ours": FAILED}), ratio({"ours": measured(1)})) == (None, None)


def test_a_row_has_the_median_of_the_rounds() -> None:
    """The median counts, whatever the outliers; least and greatest stand beside it."""
    rounds = [a_round(measured(1), measured(each), measured(9)) for each in (1.5, 1.0, 5.0)]

    assert row_of(rounds) == Row(
        experiment="e",
        workload="w",
        destination="d",
        measure="speed",
        goal=">= 1.2",
        median=1.5,
        min=1.0,
        max=5.0,
        pairs=3,
        met=True,
    )


def test_a_median_below_the_goal_misses_it() -> None:
    """A ratio of 1.1 is no 1.2."""
    assert not row_of([a_round(measured(1), measured(1.1), measured(9))]).met


def test_an_upper_bound() -> None:
    """A goal of at most 2 holds up to 2."""
    goal = Goal(bound=2, at_least=False)

    assert (goal.text, goal.holds(2), goal.holds(2.01)) == ("<= 2", True, False)


def test_one_failure_of_ours_misses_every_goal() -> None:
    """Two fast rounds don't make good for one that lost files."""
    fast = a_round(measured(1), measured(5), measured(5))

    row = row_of([fast, fast, a_round(FAILED, measured(5), measured(5))])

    assert (row.median, row.pairs, row.met) == (5, 2, False)


def test_nothing_measured_is_nothing_met() -> None:
    """Where no round has a ratio there is no median, and the goal is missed."""
    row = row_of([a_round(measured(1), FAILED, FAILED)])

    assert (row.median, row.min, row.max, row.pairs, row.met) == (None, None, None, 0, False)
