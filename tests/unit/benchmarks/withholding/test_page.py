import dataclasses
import json
import xml.etree.ElementTree as ET
from typing import Any

from benchmarks.withholding.page import document, drawn, page
from benchmarks.withholding.plan import Plan
from tests.unit.benchmarks.withholding.test_figures import ARM, CONTROL

TINY = {
    "items": 1000,
    "sigma": 1.5,
    "recheck_seconds": 15.0,
    "seconds": 60.0,
    "control_seconds": 20.0,
    "idle": 0.7,
    "control_idle": 0.1,
}


def results(*, scale: float = 1, tiny: dict[str, float] | None = TINY, **changes: Any) -> Any:
    arms = [dataclasses.replace(ARM, outage=(5.0, 6.0), **changes), CONTROL]
    made = document(
        arms,
        tiny=tiny,
        plan=Plan(),
        commit="abc",
        environment={"azurite": "1"},
        load=(0.5, 1.5),
        scale=scale,
        at="2026-01-01",
    )
    # As it is read again.
    return json.loads(json.dumps(made, allow_nan=False))


def test_results_hold_what_readers_look_for() -> None:
    """Rows, arms with their series, the plan, the machine; an infinite number is a word."""
    found = results()

    assert found["rows"][0] == {
        "sigma": 1.5,
        "measure": "peak outstanding",
        "bar": "<= 25",
        "value": 25,
        "met": True,
    }
    assert [(each["sigma"], each["mark"], each["series"]) for each in found["arms"]] == [
        (1.5, 15, [1, 2]),
        ("inf", "inf", [1, 2]),
    ]
    assert (found["commit"], found["environment"], found["load"], found["live_idle_p95"]) == (
        "abc",
        {"azurite": "1"},
        [0.5, 1.5],
        1.0,
    )


def test_all_bars_met() -> None:
    """The page says so, and its table has each value with its bar."""
    text = page(results())

    assert "All 12 bars are met." in text
    assert "| Measure | sigma 1.5 | sigma inf |" in text
    assert "| peak outstanding | 25 (<= 25) | 500 |" in text
    assert "| peak below inf | 95 % (>= 95 %) | - |" in text
    assert "| makespan / inf | 1.04 (<= 1.05) | 110 s |" in text
    assert "| item open, p95 | 19 s (<= 19 s) | 95 s |" in text
    assert "| live asset, p95 | 2 s (<= 2 s) | 2 s (<= 2 s) |" in text


def test_a_bar_that_is_missed() -> None:
    """It is told first, with its numbers, and stands out in the table."""
    text = page(results(idle=0.0812))

    head = text.partition("| Measure |")[0]
    assert "1 of 12 bars are missed:" in head
    assert "- sigma 1.5: idle share of slots is 8.12 %, the bar is <= 5 %" in head
    assert "| idle share of slots | **8.12 % (<= 5 %)** | 5 % (<= 5 %) |" in text


def test_where_withholding_loses() -> None:
    """The page has the figures of that arm and the rule behind them."""
    text = page(results())

    assert "1,000 items that take no time at the source took 60 s with sigma 1.5" in text
    assert "that run took 3 times as long" in text


def test_no_arm_where_withholding_loses() -> None:
    """A trial without it says so."""
    assert "No such arm was run." in page(results(tiny=None))


def test_what_the_emulator_costs() -> None:
    """The page says how much was taken out of the control arm."""
    assert "In the control arm that is 10.0 s of 110 s." in page(results())


def test_less_work_is_told() -> None:
    """Figures of a trial can't be taken for those of the whole experiment."""
    assert "- scale: 0.1: less work than the whole experiment's" in page(results(scale=0.1))


def test_the_picture_is_made_of_the_results() -> None:
    """A line for each arm, to its makespan's end, and the outage."""
    root = ET.fromstring(drawn(results()))

    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"sigma 1.5", "sigma inf", "source is out"} <= set(texts)
