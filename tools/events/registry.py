"""Every event by its action, with its meaning: what documents and alarms go by."""

import dataclasses
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tools.events.calls import Event, events_of

_ROOT = Path(__file__).resolve().parent.parent.parent
_MEANINGS = Path(__file__).with_name("meanings.toml")


class MeaningsDifferError(Exception):
    """An event has no meaning, or a meaning no event."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Described(Event):
    """An event and what it means."""

    meaning: str


@cache
def described(root: Path = _ROOT, meanings: Path = _MEANINGS) -> Mapping[str, Described]:
    """Every event of ``shared`` by its action; what two calls log by one action is one event with the fields of both.

    Raises MeaningsDifferError and UnknownFieldsError.
    """
    stated = tomllib.loads(meanings.read_text(encoding="utf-8"))
    modules = sorted(str(path.relative_to(root)) for path in (root / "shared").rglob("*.py"))
    found: dict[str, Event] = {}
    for module in modules:
        for event in events_of(module, poured=stated["poured"], root=root):
            found[event.action] = _both(found[event.action], event) if event.action in found else event
    if differ := found.keys() ^ stated["meanings"].keys():
        raise MeaningsDifferError(f"tools/events/meanings.toml and the code differ: {', '.join(sorted(differ))}")
    return {
        name: Described(**dataclasses.asdict(each), meaning=stated["meanings"][name]) for name, each in found.items()
    }


def _both(one: Event, other: Event) -> Event:
    if (one.level, one.message) != (other.level, other.message):
        raise MeaningsDifferError(f"{one.action} is logged in two ways: {one.module}, {other.module}")
    return dataclasses.replace(one, fields=tuple(dict.fromkeys((*one.fields, *other.fields))))
