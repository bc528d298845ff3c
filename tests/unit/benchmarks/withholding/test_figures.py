import dataclasses
import math

import pytest

from benchmarks.withholding.arm import Seen
from benchmarks.withholding.figures import Figures, figures
from benchmarks.withholding.plan import Plan
from benchmarks.withholding.rows import Row, rows
from tests.unit.benchmarks.withholding.made import deleted, received, sent

PLAN = Plan(items=3, instances=1, batch_size=1, new_batch_threshold=1)
CALLS = (
    sent(101, "a", "x"),
    received(101, "a"),
    sent(102, "b", "y"),
    received(102, "b"),
    sent(104, "c", "z"),
    sent(105, "d", "y", queue="copy-poison"),
    deleted(106, "b"),
    received(107, "c"),
    deleted(108, "a"),
    sent(109, "l", "live-1", queue="copy-live"),
    deleted(110, "l", queue="copy-live"),
    deleted(111, "c"),
    sent(121, "p", "late"),
    sent(122, "q", "later"),
)
SEEN = Seen(
    sigma=1.5,
    calls=CALLS,
    served=((101, 105), (103, 107), (200, 210)),
    idle=(80, 90),
    run=(100, 120),
    outage=(101, 102),
    pause=(120.5, 125),
    torn=0,
)
ARM = Figures(
    sigma=1.5,
    capacity=10,
    mark=15,
    peak_outstanding=25,
    peak_open_items=20,
    makespan=104.0,
    emulator=0.0,
    call_milliseconds={},
    idle=0.05,
    files_at_once=3.0,
    first_whole=2.0,
    open_p95=19.0,
    open_median=5.0,
    live_idle=(1.0, 0.5),
    live=(1.5, 2.0),
    torn=0,
    left=15,
    outage=None,
    series=(1, 2),
)
CONTROL = dataclasses.replace(
    ARM,
    sigma=math.inf,
    mark=math.inf,
    peak_outstanding=500,
    makespan=110.0,
    emulator=10.0,
    open_p95=95.0,
    first_whole=4.0,
    left=400,
)


def test_figures_of_an_arm() -> None:
    """Everything counts from the request for the run on; what the second run did is its own."""
    found = figures(PLAN, SEEN)

    assert dataclasses.replace(found, series=(), call_milliseconds={}) == Figures(
        sigma=1.5,
        capacity=2,
        mark=3,
        peak_outstanding=3,
        peak_open_items=3,
        makespan=11,
        emulator=0,
        call_milliseconds={},
        # From 102 to 107, the outage aside: of ten slot-seconds both slots are busy until 106, then one.
        idle=pytest.approx(0.1),  # pyright: ignore[reportArgumentType]
        files_at_once=pytest.approx(8 / 6),  # pyright: ignore[reportArgumentType]
        first_whole=8,
        open_p95=7,
        open_median=7,
        live_idle=(),
        live=(1,),
        torn=0,
        left=2,
        outage=(1, 2),
        series=(),
    )


def test_what_the_emulator_costs() -> None:
    """Of receipts and acknowledgements at a deep queue, what they take longer than at a shallow one, for each slot."""
    deep = [sent(101 + number / 1000, f"m{number}", f"i{number}") for number in range(301)]
    calls = (
        sent(100.4, "early", "i0"),
        received(100.5, "early", took=0.01),
        deleted(100.6, "early", took=0.01),
        *deep,
        received(102, "m0", took=0.11),
        deleted(103, "m1", took=0.31),
        *(deleted(104, f"m{number}", took=0.01) for number in range(2, 301)),
        deleted(105, "m0", took=0.01),
    )

    found = figures(PLAN, dataclasses.replace(SEEN, calls=calls, outage=None, pause=None))

    # Less the depth to which each acknowledgement leads.
    assert found.call_milliseconds["300-999"] == (110.0, 310.0)
    assert found.emulator == pytest.approx((0.1 + 0.3) / 2)
    assert found.left is None


def test_rows_that_are_just_met() -> None:
    """A value at its bar meets it; the control arm has rows for what isn't compared with it alone."""
    assert rows([ARM, CONTROL]) == [
        Row(sigma=1.5, measure="peak outstanding", bar="<= 25", value=25, met=True),
        Row(sigma=1.5, measure="peak below inf", bar=">= 0.95", value=0.95, met=True),
        Row(sigma=1.5, measure="makespan / inf", bar="<= 1.05", value=1.04, met=True),
        Row(sigma=1.5, measure="first whole item", bar="<= 2", value=2.0, met=True),
        Row(sigma=1.5, measure="item open, p95", bar="<= 19", value=19.0, met=True),
        Row(sigma=1.5, measure="left after a pause", bar="<= 15", value=15, met=True),
        Row(sigma=1.5, measure="idle share of slots", bar="<= 0.05", value=0.05, met=True),
        Row(sigma=1.5, measure="live asset, p95", bar="<= 2", value=2.0, met=True),
        Row(sigma=1.5, measure="published with an asset missing", bar="<= 0", value=0, met=True),
        Row(sigma="inf", measure="idle share of slots", bar="<= 0.05", value=0.05, met=True),
        Row(sigma="inf", measure="live asset, p95", bar="<= 2", value=2.0, met=True),
        Row(sigma="inf", measure="published with an asset missing", bar="<= 0", value=0, met=True),
    ]


def test_rows_that_are_missed() -> None:
    """A little more than its bar, and none is met."""
    missed = dataclasses.replace(
        ARM,
        peak_outstanding=26,
        makespan=105.1,
        idle=0.051,
        first_whole=2.1,
        open_p95=19.1,
        live=(2.1,),
        torn=1,
        left=16,
    )

    assert [each.met for each in rows([missed, CONTROL]) if each.sigma == 1.5] == [False] * 9
