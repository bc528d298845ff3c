"""The alarms as the templates deploy them, and what rings over what was captured."""

import dataclasses
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tests.alarms.kql import run
from tests.alarms.site import Capture
from tools.infra.checks import read_sources, root_of
from tools.infra.deployment import deployed
from tools.infra.scopes import dig, value_of

_ROOT = Path(__file__).resolve().parent.parent.parent
_TYPE = "Microsoft.Insights/scheduledQueryRules"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm: it rings for each row that its query answers, over a window that ends now."""

    name: str
    query: str
    window: timedelta
    every: timedelta
    #: The column by which it rings for each value alone; empty for none.
    dimension: str

    def rings(self, capture: Capture) -> list[str]:
        """For what it rings at the capture's end: the values of its dimension, or its own name."""
        return self._rings(capture, len(self._times(capture)) - 1)

    def ever_rings(self, capture: Capture) -> bool:
        """Whether it rings at any time, once a whole window is over."""
        times = self._times(capture)
        return any(self._rings(capture, number) for number in range(len(times)))

    def _times(self, capture: Capture) -> list[timedelta]:
        whole = capture.ended - capture.began - self.window
        count = max(whole // self.every, 0)
        return [self.window + (whole - number * self.every) for number in range(count, -1, -1)]

    def _rings(self, capture: Capture, number: int) -> list[str]:
        until = capture.began + self._times(capture)[number]
        rows = run(self.query, capture.within(self.window, until=until))
        return [str(each[self.dimension]) if self.dimension else self.name for each in rows]


@cache
def alarms() -> tuple[Alarm, ...]:
    """Every alarm of the templates."""
    sources = read_sources(_ROOT / "infra")
    return tuple(_alarm(each.name, value_of(each.body)) for each in deployed(root_of(sources)) if each.type == _TYPE)


def ringing(capture: Capture) -> dict[str, list[str]]:
    """What rings at a capture's end: alarms by their names, each with what it rings for."""
    return {each.name: found for each in alarms() if (found := each.rings(capture))}


def _alarm(deployed_as: str, body: Any) -> Alarm:
    name = deployed_as.rpartition("}-")[2]
    criteria: Any = dig(body, "properties.criteria.allOf")
    names: list[str] = [each["name"] for each in criteria[0]["dimensions"] if each["name"]]
    return Alarm(
        name=name,
        query=(_ROOT / "infra" / "queries" / f"{name}.kql").read_text(encoding="utf-8"),
        window=_duration(dig(body, "properties.windowSize")),
        every=_duration(dig(body, "properties.evaluationFrequency")),
        dimension=next(iter(names), ""),
    )


def _duration(text: object) -> timedelta:
    return TypeAdapter(timedelta).validate_python(text)
