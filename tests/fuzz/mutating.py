"""Makes hostile documents out of honest ones, always the same for the same chance."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, cast

from tests.fuzz.nasty import BYTES, MOST_BYTES, raw_json, text

type _Place = tuple[dict[str, Any] | list[Any], str | int]


class _Raw(str):
    """What is written as it is."""

    __slots__ = ()


class _Twice:
    """A value that is to stand under its name twice."""

    def __init__(self, *values: Any) -> None:
        self.values = values


def mutated_json(chance: Random, document: Any, *, most: int = MOST_BYTES) -> bytes:
    """A document of which up to four values are others, are missing or stand there twice; sometimes its bytes, too."""
    copy = json.loads(json.dumps(document))
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 2, 4))):
        places = list(_places(copy))
        if places:
            _spoil(chance, *chance.choice(places))
    written = "".join(_written(copy)).encode("utf-8", "surrogatepass")[:most]
    return mutated_bytes(chance, written, most=most) if chance.random() < 0.2 else written


def mutated_bytes(chance: Random, honest: bytes, *, tokens: Sequence[bytes] = (), most: int = MOST_BYTES) -> bytes:
    """Bytes that are cut, flipped, repeated, or have something among them that ``tokens`` knows."""
    spoilt = bytearray(honest)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        chance.choice(_SPOILERS)(chance, spoilt, tokens)
    return bytes(spoilt[:most])


def mutated_markup(chance: Random, honest: bytes, *, tokens: Sequence[bytes]) -> bytes:
    """Markup with something among its tags, tags that are missing or come again, or other text between two."""
    if chance.random() < 0.3:
        return mutated_bytes(chance, honest, tokens=tokens)
    parts = re.split(rb"(?=<)", honest)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(parts))
        tag, closed, _ = parts[place].partition(b">")
        match chance.randrange(5):
            case 0:
                parts.insert(place, chance.choice(tokens))
            case 1:
                parts[place] = tag + closed + chance.choice(tokens)
            case 2:
                said = text(chance) if chance.random() < 0.8 else f"&#x{chance.randrange(1 << 21):x};"
                parts[place] = tag + closed + said.encode("utf-8", "surrogatepass")
            case 3:
                parts[place : place + chance.choice((1, 2, 5))] = []
            case _:
                parts[place:place] = parts[place : place + 3] * chance.choice((1, 1, 50))
        parts = parts or [b""]
    return b"".join(parts)[:MOST_BYTES]


def mutated_headers(chance: Random, headers: Mapping[str, str], *, values: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Headers of which some say something else, are missing, or come twice."""
    spoilt = list(headers.items())
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        place = chance.randrange(len(spoilt)) if spoilt else 0
        match chance.randrange(4) if spoilt else 3:
            case 0:
                del spoilt[place]
            case 1:
                spoilt.insert(place, (spoilt[place][0].swapcase(), _header(chance, values)))
            case 2:
                name, value = spoilt[place]
                spoilt[place] = (
                    name,
                    mutated_bytes(chance, value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape"),
                )
            case _ if spoilt:
                spoilt[place] = (spoilt[place][0], _header(chance, values))
            case _:
                pass
    return spoilt


def wire(headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """Headers and a body as one case."""
    lines = [f"{name}: {value}".replace("\n", " ") for name, value in headers]
    return "\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def unwired(case: bytes) -> tuple[dict[str, str], bytes]:
    """The headers and the body of such a case; what isn't UTF-8 in a header is as aiohttp has it."""
    head, _, body = case.partition(b"\n\n")
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    return {name: value for name, found, value in (each.partition(": ") for each in lines) if found}, body


def _header(chance: Random, values: Sequence[str]) -> str:
    found = chance.choice(values) if values and chance.random() < 0.7 else text(chance)
    return found.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")[:9000]


def _places(value: Any) -> Iterator[_Place]:
    match value:
        case dict():
            members = cast("dict[str, Any]", value)
            for name, member in members.items():
                yield members, name
                yield from _places(member)
        case list():
            entries = cast("list[Any]", value)
            for number, entry in enumerate(entries):
                yield entries, number
                yield from _places(entry)
        case _:
            pass


def _spoil(chance: Random, parent: Any, place: str | int) -> None:
    there = parent[place]
    match chance.randrange(8):
        case 0:
            del parent[place]
        case 1:
            parent[place] = _Twice(there, _Raw(raw_json(chance)))
        case 2 if isinstance(parent, dict):
            parent[_name(chance)] = parent.pop(place)
        case 3 if isinstance(there, str):
            parent[place] = mutated_bytes(chance, there.encode("utf-8", "replace")).decode("utf-8", "replace")
        case 4 if isinstance(parent, list):
            parent.extend([there] * chance.choice((1, 20)))
        case 5:
            parent[place] = [there]
        case _:
            parent[place] = _Raw(raw_json(chance))


def _name(chance: Random) -> str:
    return text(chance)[:300]


def _written(value: Any) -> Iterator[str]:
    """JSON, with what no value of Python's can say."""
    match value:
        case _Raw():
            yield str(value)
        case dict():
            yield "{"
            comma = ""
            for name, member in cast("dict[str, Any]", value).items():
                for each in member.values if isinstance(member, _Twice) else (member,):
                    yield f"{comma}{json.dumps(name)}:"
                    yield from _written(each)
                    comma = ","
            yield "}"
        case list() | _Twice():
            entries = value.values if isinstance(value, _Twice) else cast("list[Any]", value)
            yield "["
            for number, entry in enumerate(entries):
                yield "," if number else ""
                yield from _written(entry)
            yield "]"
        case _:
            yield json.dumps(value)


def _cut(chance: Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    del spoilt[chance.randint(0, len(spoilt)) :]


def _flip(chance: Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    for _number in range(chance.choice((1, 1, 4, 32)) if spoilt else 0):
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)


def _drop(chance: Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    first = chance.randint(0, len(spoilt))
    del spoilt[first : first + chance.choice((1, 4, 64))]


def _repeat(chance: Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    first = chance.randint(0, len(spoilt))
    piece = spoilt[first : first + chance.choice((1, 8, 64, 512))]
    spoilt[first:first] = piece * min(chance.choice((1, 2, 50, 1000)), MOST_BYTES // max(1, len(piece)))


def _insert(chance: Random, spoilt: bytearray, tokens: Sequence[bytes]) -> None:
    place = chance.randint(0, len(spoilt))
    known = tokens if tokens and chance.random() < 0.6 else BYTES
    spoilt[place:place] = chance.choice(known)


def _overwrite(chance: Random, spoilt: bytearray, tokens: Sequence[bytes]) -> None:
    place = chance.randint(0, len(spoilt))
    new = chance.choice(tokens or BYTES)
    spoilt[place : place + len(new)] = new


_SPOILERS: tuple[Callable[[Random, bytearray, Sequence[bytes]], None], ...] = (
    _cut,
    _flip,
    _drop,
    _repeat,
    _insert,
    _insert,
    _overwrite,
)
