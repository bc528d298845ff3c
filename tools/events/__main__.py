"""Writes ``docs/events.md``: every event that the app logs, with its fields and what it means."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tools.events.registry import Described, described

_FILE = Path(__file__).resolve().parent.parent.parent / "docs" / "events.md"

_BEGINNING = """\
# Events

<!-- Written by `make generate` from the code and tools/events/meanings.toml. Don't edit it here. -->

The app logs one line for each of these, as `message {"action":"…", …}`: the Functions worker passes on nothing but the
message, so the fields stand in it as JSON.
An action is a stable name, which alarms and queries may rely on; the words before it aren't.
Times are in UTC, durations in seconds; no line holds a secret.

In the logs of Application Insights, in its workspace:

```kusto
AppTraces
| extend Fields = parse_json(substring(Message, indexof(Message, '{"action":')))
| where Fields.action == 'copy_failed' and Fields.dataset == 'zurich'
| project TimeGenerated, Fields.error, Fields.reason, Fields.item
```

What rings when, stands in [alarms.md](alarms.md).
"""

#: The package that logs, and what its section is called.
_SECTIONS: Mapping[str, str] = {
    "gauges": "Gauges",
    "discovery": "Runs and their pages",
    "copying": "Copies",
    "publishing": "Items",
    "requesting": "Items",
    "intake": "Events from outside, and single copies",
    "poison": "Poison and failures",
    "egress": "Hosts",
    "census": "Census and ledger",
    "ledgers": "Census and ledger",
    "storage": "The app itself",
    "clients": "The app itself",
    "tracing": "The app itself",
}


def main(arguments: Sequence[str], *, file: Path = _FILE) -> int:
    """Write the page, or with --check tell whether it is up to date; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.events", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the file isn't up to date")
    expected = page()
    if not parser.parse_args(arguments).check:
        file.write_text(expected, encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == expected:
        return 0
    sys.stderr.write(f"{file.name} isn't up to date; run: python -m tools.events\n")
    return 1


def page() -> str:
    """The page as it is written to the file."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _BEGINNING
    order = list(dict.fromkeys(_SECTIONS.values()))
    events = sorted(described().values(), key=lambda each: (order.index(_section(each)), each.action))
    for heading, inside in groupby(events, key=_section):
        yield f"## {heading}\n"
        yield "| Action | Level | Message | What it means | Fields |\n| --- | --- | --- | --- | --- |"
        yield from (_row(each) for each in inside)
        yield ""


def _section(event: Described) -> str:
    return _SECTIONS[event.module.split("/")[1].removesuffix(".py")]


def _row(event: Described) -> str:
    fields = ", ".join(f"`{each}`" for each in event.fields)
    cells = (f"`{event.action}`", event.level, event.message, event.meaning, fields)
    return f"| {' | '.join(each.replace('|', r'\|') for each in cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
