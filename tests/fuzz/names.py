"""Destination names by the million: ``python -m tests.fuzz.names --count 1000000 --json FILE``.

They are made of values that a careless encoder takes for the same. No two of them may be one name, not even where a
store folds what Azure folds (dots at the end, ``./``, backslashes); every name is within Azure's limits; and what it
was made of can be read from it again.
"""

import argparse
import json
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes

from benchmarks.surroundings import commit
from shared.model.errors import BadNameError
from shared.model.names import blob_name, check_name, check_template
from tests.fuzz.nasty import HREFS, TEXTS

_TEMPLATES = (
    "{dataset}/{collection}/{id}/{key}/{file}",
    "{item}/{key}",
    "x-{item}/{file}.tif",
    "{dataset}/{host}/{path}",
    "{year}-{month}-{day}/{item}/{key}",
    "{path}",
)
_ALPHABETS = (
    "./\\%2Ee~a",
    "aA\u00e9e\u0301 \u212b\u00c5",
    "ab/._-",
    string.printable,
    "\ufffd\u200b\u202e\x00\x7f\U0001f4a3",
)
_LETTERS = frozenset(string.ascii_letters + string.digits + "-_.~=+,@:()%/")
#: What a careless encoder, or a store, takes for the same.
_CONFUSIONS: tuple[Callable[[str], str], ...] = (
    lambda text: quote(text, safe=""),
    lambda text: f"{text}.",
    lambda text: f"./{text}",
    lambda text: f"{text}/",
    lambda text: text.replace("\\", "/"),
    lambda text: text.replace(".", "%2E"),
    lambda text: text.replace("%", "%25"),
    lambda text: normalize("NFD", text),
    lambda text: normalize("NFC", text),
    lambda text: normalize("NFKC", text),
    lambda text: text.rstrip(". "),
    lambda text: text.strip(),
    str.swapcase,
)
_MOST_CHARACTERS, _MOST_SEGMENTS = 1024, 254
_SHOWN = 10

type Values = dict[str, str]


class Census:
    """Names, and what each was made of."""

    def __init__(
        self,
        *,
        make: Callable[[str, Mapping[str, str]], str] = blob_name,
        check: Callable[[str], str] = check_name,
    ) -> None:
        self._make = make
        self._check = check
        #: By template: values by the name as a store would fold it.
        self._made: dict[str, dict[str, tuple[str, ...]]] = {each: {} for each in _TEMPLATES}
        self.count = 0
        self.refused = 0
        self.wrong: Counter[str] = Counter()
        self.examples: list[dict[str, Any]] = []

    def take(self, template: str, values: Values) -> None:
        """Make a name, and look at it."""
        self.count += 1
        try:
            name = self._make(template, values)
        except BadNameError:
            self.refused += 1
            return
        fields = _fields(template)
        given = tuple(values[each] for each in fields)
        if self._made[template].setdefault(_folded(name), given) != given:
            self._blame("two assets have one name", template, values, name)
        if not _is_kept_by_azure(name) or self._check(name) != name:
            self._blame("a name beyond the limits", template, values, name)
        if not _tells(template, name, given):
            self._blame("a name that can't be read again", template, values, name)

    @property
    def distinct(self) -> int:
        """How many different names were made."""
        return sum(len(each) for each in self._made.values())

    def _blame(self, what: str, template: str, values: Values, name: str) -> None:
        self.wrong[what] += 1
        if len(self.examples) < _SHOWN:
            self.examples.append({"what": what, "template": template, "values": ascii(values), "name": name})


def survey(count: int, *, seed: int, census: Census | None = None) -> Census:
    """Make so many names."""
    census = census or Census()
    chance = Random(seed)
    for each in _TEMPLATES:
        check_template(each)
    while census.count < count:
        template = chance.choice(_TEMPLATES)
        for values in _alike(chance, template):
            census.take(template, values)
    return census


def _alike(chance: Random, template: str) -> Iterator[Values]:
    """Values, and others that nearly make the same name."""
    fields = _fields(template)
    values = {field: _value(chance, field) for field in fields}
    yield values
    free = [each for each in fields if each not in {"dataset", "year", "month", "day"}]
    for _ in range(3):
        field = chance.choice(free)
        if changed := chance.choice(_CONFUSIONS)(values[field]):
            yield {**values, field: changed}
    if len(free) > 1:
        # Characters that move to the field beside.
        one, other = free[:2] if chance.random() < 0.5 else free[-2:]
        both = f"{values[one]}/{values[other]}"
        slashes = [place for place, each in enumerate(both[1:-1], start=1) if each == "/"]
        cut = chance.choice(slashes) if slashes and chance.random() < 0.5 else chance.randint(1, len(both) - 1)
        if rest := both[cut:].removeprefix("/"):
            yield {**values, one: both[:cut], other: rest}


def _value(chance: Random, field: str) -> str:
    match field:
        case "dataset":
            return chance.choice(("d", "d-1"))
        case "year":
            return chance.choice(("2024", "0079"))
        case "month" | "day":
            return f"{chance.randint(1, 12):02}"
        case _ if chance.random() < 0.02:
            return chance.choice((*TEXTS, *HREFS)) or "a"
        case _:
            letters = chance.choice(_ALPHABETS)
            return "".join(chance.choice(letters) for _ in range(chance.choice((1, 2, 3, 5, 8, 13, 40))))


def _fields(template: str) -> list[str]:
    return [field for _, field, _, _ in string.Formatter().parse(template) if field]


def _folded(name: str) -> str:
    """As live Azure stores it: https://github.com/Azure/azure-sdk-for-rust/issues/5275."""
    segments = [each.rstrip(".") for each in name.replace("\\", "/").split("/")]
    return "/".join(each for each in segments if each)


def _is_kept_by_azure(name: str) -> bool:
    segments = name.split("/")
    is_short = len(name) <= _MOST_CHARACTERS and len(segments) <= _MOST_SEGMENTS
    return (
        is_short
        and set(name) <= _LETTERS
        and not any(each in {"", "..", "."} or each.endswith(".") for each in segments)
    )


def _tells(template: str, name: str, values: tuple[str, ...]) -> bool:
    """Whether the values of a name can be read from it."""
    try:
        return _read(template, name) == values
    except ValueError:
        return False


def _read(template: str, name: str) -> tuple[str, ...]:
    """The values of a name, by its template alone: what stands between the template's own characters, decoded."""
    found: list[str] = []
    rest = name
    parts = list(string.Formatter().parse(template))
    for number, (literal, field, _, _) in enumerate(parts):
        rest = rest.removeprefix(literal)
        if field is None:
            continue
        following = parts[number + 1][0] if number + 1 < len(parts) else ""
        end = len(rest) if not following else rest.rindex(following) if field == "path" else _end(rest, following)
        found.append(unquote_to_bytes(rest[:end]).decode("utf-8", "surrogatepass"))
        rest = rest[end:]
    return tuple(found)


def _end(rest: str, following: str) -> int:
    """Where a field ends: before the dash of a date, else at its segment's end less what the template has there."""
    segment, literal = rest.partition("/")[0], following.partition("/")[0]
    return segment.index("-") if literal == "-" else len(segment) - len(literal)


def report(census: Census, *, seed: int, seconds: float) -> dict[str, Any]:
    """All figures."""
    return {
        "names": census.count,
        "distinct": census.distinct,
        "refused": census.refused,
        "violations": sum(census.wrong.values()),
        "wrong": dict(census.wrong),
        "examples": census.examples,
        "templates": len(_TEMPLATES),
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def main(arguments: Sequence[str]) -> int:
    """Make names; 0: all of them hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.names", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    chosen = parser.parse_args(arguments)
    at, began = commit(), time.monotonic()
    found = report(survey(chosen.count, seed=chosen.seed), seed=chosen.seed, seconds=time.monotonic() - began)
    print(json.dumps({name: value for name, value in found.items() if name != "examples"}))
    for each in found["examples"]:
        print(f"  {each}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"commit": at, **found}, indent=2) + "\n", encoding="utf-8")
    return 1 if found["violations"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
