"""The results as a file for programs, and as a page for people that is made of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.laboratory import Finding

_HOW = """
Each run copies to a destination that is new, after a smaller workload of the same kind to warm up.
All clients of a row run in turn, round after round, from the same file server.
A ratio is that of one round; the table shows the median, the least and the greatest.
rclone is the faster one of 4 and 16 transfers in that round.
After each run the blobs are counted and their lengths compared.
Bytes are compared, too: some small files whole, of each large file what stands about every 8 MiB.
On the discarding server these are the first bytes of every block.
A run that failed has no ratio, and where one of Sluice's runs failed no goal is met.
Sluice and the plain loop are timed once their process is warm, since a worker lives long.
rclone is timed from its start to its end, its listing of the source among it.
CPU and memory are those of the client's process tree.
For the whole pipeline that holds the local Functions host and its worker.

Azurite computes a CRC64 of each block in JavaScript, 75 MB/s, unless an MD5 comes with it.
rclone sends none, and Sluice does here (`COPY_BLOCK_CHECK=md5`).
So most of its lead with large files to Azurite is the emulator's, and Azure won't give it.
The discarding server shows the clients alone.
"""


def document(
    findings: Sequence[Finding], *, commit: str, environment: Mapping[str, str], rounds: int, scale: float, at: str
) -> dict[str, Any]:
    """The results as JSON has them."""
    return {
        "at": at,
        "commit": commit,
        "environment": dict(environment),
        "rounds": rounds,
        "scale": scale,
        "rows": [dataclasses.asdict(row) for each in findings for row in each.rows],
        "experiments": [
            {name: value for name, value in dataclasses.asdict(each).items() if name != "rows"} for each in findings
        ],
    }


def page(results: Mapping[str, Any]) -> str:
    """The results as a page in Markdown."""
    parts = (
        "# Benchmarks",
        _intro(results),
        _verdict(results),
        "## Goals",
        rows(results),
        "## How it is measured",
        _HOW.strip(),
        "## Clients",
        "Medians of the runs that did what they should.",
        _clients(results),
        *_failures(results),
        "## Where",
        _where(results),
    )
    return "\n\n".join(parts) + "\n"


def rows(results: Mapping[str, Any]) -> str:
    """The table of goals."""
    lines = [
        f"| {each['workload']} | {each['destination']} | {each['measure']} | {each['goal']} "
        f"| {_number(each['median'])} | {_number(each['min'])} to {_number(each['max'])} | {_met(each)} |"
        for each in results["rows"]
    ]
    head = (
        "| Workload | Destination | Measure | Goal | Median | Least to greatest | Met |\n|---|---|---|---|---|---|---|"
    )
    return "\n".join((head, *lines))


def _intro(results: Mapping[str, Any]) -> str:
    return (
        f"Sluice side by side with rclone and with a plain loop of azure-storage-blob, at commit {results['commit']}.\n"
        "This page is made from `results.json` by `make bench`."
    )


def _verdict(results: Mapping[str, Any]) -> str:
    missed = [each for each in results["rows"] if not each["met"]]
    if not missed:
        return f"All {len(results['rows'])} goals are met."
    failed = {each["name"] for each in results["experiments"] if any(arm["failed"] for arm in each["arms"])}
    lines = [_missed(each, and_failed=each["experiment"] in failed) for each in missed]
    return "\n".join((f"{len(missed)} of {len(results['rows'])} goals are missed:\n", *lines))


def _missed(row: Mapping[str, Any], *, and_failed: bool) -> str:
    what = f"- {row['workload']}, {row['destination']}: {row['measure']}"
    if row["median"] is None:
        return f"{what} couldn't be measured: runs failed"
    return f"{what} is {_number(row['median'])}, the goal is {row['goal']}{', and a run failed' if and_failed else ''}"


def _clients(results: Mapping[str, Any]) -> str:
    lines = [
        f"| {each['title']} | {each['destination']} | {arm['arm']} | {_number(arm['files_per_second'])} "
        f"| {_number(arm['mb_per_second'])} | {_number(arm['cpu_seconds'])} | {_number(arm['peak_mib'])} "
        f"| {len(arm['failed'])} of {arm['runs']} |"
        for each in results["experiments"]
        for arm in each["arms"]
    ]
    head = (
        "| Workload | Destination | Client | Files/s | MB/s | CPU s | Peak MiB | Failed |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    return "\n".join((head, *lines))


def _failures(results: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [
        f"- {each['title']}, {each['destination']}, {arm['arm']}: {' '.join(reason.split())}"
        for each in results["experiments"]
        for arm in each["arms"]
        for reason in arm["failed"]
    ]
    return ("## Runs that failed", "\n".join(lines)) if lines else ()


def _where(results: Mapping[str, Any]) -> str:
    loads = [load for each in results["experiments"] for load in each["load"]]
    facts = {
        **results["environment"],
        "rounds": results["rounds"],
        "load average": f"{min(loads)} to {max(loads)}" if loads else "unknown",
        "at": results["at"],
    }
    if results["scale"] != 1:
        facts["scale"] = f"{results['scale']}: workloads are smaller than the goals' own"
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _met(row: Mapping[str, Any]) -> str:
    return "yes" if row["met"] else "**no**"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits are enough
