"""The results as a file for programs, and as a page for people that is made of it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.withholding import rows as bars
from benchmarks.withholding.counting import percentile
from benchmarks.withholding.figures import Figures
from benchmarks.withholding.picture import picture
from benchmarks.withholding.plan import Plan

_MEASURES = (bars.PEAK, bars.BELOW, bars.MAKESPAN, bars.IDLE, bars.FIRST, bars.OPEN, bars.LIVE, bars.LEFT, bars.TORN)
_UNITS = {bars.MAKESPAN: "", bars.PEAK: "", bars.LEFT: "", bars.TORN: "", bars.BELOW: "%", bars.IDLE: "%"}
_SECONDS = " s"

_HOW = """
{instances} instances of the app run in the local Functions host on Azurite, which is a process for each service.
Each works {slots} copy requests at once (`batchSize` {batch_size}, `newBatchThreshold` {new_batch_threshold}).
A host takes a new batch only once its messages are down to the threshold.
So with the app's own 16 and 8 nearly a third of the slots is idle in every arm, and nothing else would show.
The assets of an item travel in one request, which takes {mean:g} s on average.
Times are drawn from a lognormal distribution with a fixed seed.
Of the assets {missing:.0%} don't exist and {refused:.0%} are refused once with 503.
Another {cut:.0%} end early once, all those of an item together.
The source is out for {outage_seconds:g} s in the middle.

Everything is faster than in production, where copies take tens of seconds.
A withheld page looks again after {recheck_seconds:g} s; near the mark after an eighth of that, a second at least.
A failed message comes back after {retry_seconds} s, and queues are asked every {polling_seconds:g} s at least.
The first delay of a deferral, 15 s, can't be set, so it weighs more here than in production.

A wire before Azurite's queue service hands on bytes and notes each call.
Outstanding is what was sent (201) less what was acknowledged (204): not the count that withholding asks for.
A slot is busy from the receipt of a message until its acknowledgement or release.
Idle counts while items wait that nobody has begun, but for the outage itself.
The source's own log says how many files it was busy with at once over that time, on average: {files}.
An item is open from its first message's sending until its last one's acknowledgement.
Live assets come by the queue `copy-live`, one every {live_seconds:g} s, from a source that doesn't fail.
They are compared with those that came before each run, while nothing else was done.
Whole items are published; a reader looks every two seconds and asks for each asset of each item that it hasn't seen.
Afterwards the ledger's rows and the published items are counted, so that who loses some can't be the fastest.
For the last measure a second run is paused; the most that stood in the queue from then on is what is left.

The first whole item comes as early without withholding.
A queue gives what was sent first, and an item's assets travel together: that bar can't be met, and nothing is lost.
Live assets have a queue of their own, so their latency holds in every arm: what protects them is the lane.
"""
_EMULATOR = """
Azurite's calls grow with the messages in a queue, which would flatter every finite sigma.
So an item is one request, not five: the control arm's queue has a fifth of the depth for the same work.
What is left of it is taken out of that arm's makespan.
It is what receipts and acknowledgements took at 300 messages and more, less the mean at fewer, divided by S.
"""
_LOSES = """
Withholding buys nothing where copies are much shorter than the time after which a withheld page looks again.
Slots then drain what was sent and stand idle until the next look: that run took {tiny_ratio:.3g} times as long.
The rule is sigma >= 1 + T / t, T being the longest wait for a look and t the mean time of a copy.
Requests that were put off stand in the queue and count, though no slot works them.
So a source that fails a part p of all requests for a delay D needs another p x D / t on top.
"""


def document(
    arms: Sequence[Figures],
    *,
    tiny: Mapping[str, float] | None,
    plan: Plan,
    commit: str,
    environment: Mapping[str, str],
    load: tuple[float, float],
    scale: float,
    at: str,
) -> dict[str, Any]:
    """The results as JSON has them; an infinite number is "inf" there."""
    return {
        "at": at,
        "commit": commit,
        "environment": dict(environment),
        "scale": scale,
        "load": list(load),
        "plan": {**dataclasses.asdict(plan), "assets": plan.assets, "capacity": plan.capacity},
        "live_idle_p95": percentile((value for each in arms for value in each.live_idle), 95),
        "rows": [dataclasses.asdict(each) for each in bars.rows(arms)],
        "arms": [_arm(each) for each in arms],
        "tiny": tiny,
    }


def page(results: Mapping[str, Any]) -> str:
    """The results as a page in Markdown."""
    parts = (
        "# Withholding, measured",
        _intro(results),
        _verdict(results),
        "![Copy requests outstanding over time, one line for each sigma](withholding.svg)",
        _table(results),
        "## How it is measured",
        _how(results),
        "## What the emulator costs",
        _emulator(results),
        "## Where withholding loses",
        *_tiny(results),
        "## Where",
        _where(results),
    )
    return "\n\n".join(parts) + "\n"


def drawn(results: Mapping[str, Any]) -> str:
    """The results as a picture."""
    lines = {f"sigma {each['sigma']}": _points(each) for each in results["arms"]}
    outage = next((each["outage"] for each in results["arms"] if each["outage"]), None)
    return picture(lines, title="Copy requests outstanding", outage=tuple(outage) if outage else None)


def _points(arm: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The series with its times; afterwards nothing stands in the queue."""
    step = arm["makespan"] / len(arm["series"])
    return [*((step * number, each) for number, each in enumerate(arm["series"])), (arm["makespan"], 0)]


def _arm(arm: Figures) -> dict[str, Any]:
    values: dict[str, Any] = {**dataclasses.asdict(arm), "live_p95": arm.live_p95}
    values |= {"live_assets": len(values.pop("live")), "live_assets_idle": len(values.pop("live_idle"))}
    return {name: _plain(each) for name, each in values.items()}


def _plain(value: object) -> object:
    """JSON has no infinity, and nobody needs more than four digits after the point."""
    if not isinstance(value, float):
        return value
    return "inf" if math.isinf(value) else round(value, 4)


def _intro(results: Mapping[str, Any]) -> str:
    plan = results["plan"]
    return (
        "A page of a catalog waits while `sigma x S` copy requests are outstanding.\n"
        "This is what that buys and what it costs, seen from outside the app that does it.\n"
        f"Production code copied {plan['assets']:,} assets of {plan['items']:,} items in each arm, with S = "
        f"{plan['capacity']}, at commit {results['commit']}.\n"
        "This page is made from `benchmarks/withholding.json` by `make experiment`."
    )


def _verdict(results: Mapping[str, Any]) -> str:
    missed = [each for each in results["rows"] if not each["met"]]
    if not missed:
        return f"All {len(results['rows'])} bars are met."
    lines = [
        f"- sigma {each['sigma']}: {each['measure']} is {_shown(each)}, the bar is {_bar(each)}" for each in missed
    ]
    return "\n".join((f"{len(missed)} of {len(results['rows'])} bars are missed:\n", *lines))


def _table(results: Mapping[str, Any]) -> str:
    sigmas = [each["sigma"] for each in results["arms"]]
    found = {(each["measure"], each["sigma"]): each for each in results["rows"]}
    lines = [
        "| Measure | " + " | ".join(f"sigma {each}" for each in sigmas) + " |",
        "|---|" + "---|" * len(sigmas),
    ]
    for measure in _MEASURES:
        cells = [
            _cell(found.get((measure, sigma)), measure, arm) for sigma, arm in zip(sigmas, results["arms"], strict=True)
        ]
        lines.append(f"| {measure} | " + " | ".join(cells) + " |")
    return "\n".join((*lines, "", "Values, each with its bar in brackets; a bar that is missed stands in bold."))


def _cell(row: Mapping[str, Any] | None, measure: str, arm: Mapping[str, Any]) -> str:
    """A value with its bar; of the control arm, the value that others are compared with."""
    if row is not None:
        text = f"{_shown(row)} ({_bar(row)})"
        return text if row["met"] else f"**{text}**"
    names = {bars.PEAK: "peak_outstanding", bars.FIRST: "first_whole", bars.OPEN: "open_p95", bars.LEFT: "left"}
    if measure == bars.MAKESPAN:
        return f"{arm['makespan']:.0f} s"
    value = arm[names[measure]] if measure in names else None
    return "-" if value is None else f"{value:.4g}{_UNITS.get(measure, _SECONDS)}"


def _shown(row: Mapping[str, Any]) -> str:
    unit = _UNITS.get(row["measure"], _SECONDS)
    return f"{100 * row['value']:.3g} %" if unit == "%" else f"{row['value']:.4g}{unit}"


def _bar(row: Mapping[str, Any]) -> str:
    sign, _, number = row["bar"].partition(" ")
    unit = _UNITS.get(row["measure"], _SECONDS)
    return f"{sign} {100 * float(number):g} %" if unit == "%" else f"{row['bar']}{unit}"


def _how(results: Mapping[str, Any]) -> str:
    plan, stream = results["plan"], results["plan"]["stream"]
    files = ", ".join(f"{each['files_at_once']:.1f} (sigma {each['sigma']})" for each in results["arms"])
    return _HOW.format(
        **plan,
        files=files,
        slots=plan["batch_size"] + plan["new_batch_threshold"],
        mean=stream["seconds"],
        missing=stream["missing"],
        refused=stream["refused"],
        cut=stream["cut"],
    ).strip()


def _emulator(results: Mapping[str, Any]) -> str:
    control = results["arms"][-1]
    lines = [
        f"| {depth} | {receipt:.1f} | {acknowledgement:.1f} |"
        for depth, (receipt, acknowledgement) in control["call_milliseconds"].items()
    ]
    taken_out = f"In the control arm that is {control['emulator']:.1f} s of {control['makespan']:.0f} s."
    head = "| Messages in the queue | Receipt, ms | Acknowledgement, ms |\n|---|---|---|"
    return "\n".join((_EMULATOR.strip(), taken_out, "", head, *lines))


def _tiny(results: Mapping[str, Any]) -> tuple[str, ...]:
    tiny = results["tiny"]
    if tiny is None:
        return ("No such arm was run.",)
    measured = (
        f"{tiny['items']:,.0f} items that take no time at the source took {tiny['seconds']:.0f} s with sigma "
        f"{tiny['sigma']:g} and a look every {tiny['recheck_seconds']:g} s (an eighth of that near the mark), and "
        f"{tiny['control_seconds']:.0f} s with infinity.\n"
        f"Of the slots' time {tiny['idle']:.0%} was idle, and {tiny['control_idle']:.0%} with infinity."
    )
    return measured, _LOSES.format(tiny_ratio=tiny["seconds"] / tiny["control_seconds"]).strip()


def _where(results: Mapping[str, Any]) -> str:
    facts = {
        **results["environment"],
        "load average": f"{results['load'][0]} before, {results['load'][1]} after",
        "at": results["at"],
    }
    if results["scale"] != 1:
        facts["scale"] = f"{results['scale']}: less work than the whole experiment's"
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())
