"""A call at the address for events, and what ends one that brings none."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import JsonValue

from shared.catalogs.json_text import parse_json
from shared.model.errors import MalformedEventError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as it came."""

    method: str
    #: Given in any case; names are kept in lower case.
    headers: Mapping[str, str]
    body: bytes = b""

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", _lower(self.headers))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """An answer to somebody who only asks whether events are taken."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    #: As JSON; empty: none.
    body: Mapping[str, JsonValue] = MappingProxyType({})


def document_of(body: bytes) -> JsonValue:
    """A body as JSON; raises MalformedEventError."""
    try:
        return parse_json(body)
    except (ValueError, RecursionError) as error:
        raise MalformedEventError(f"the body is no JSON: {error}") from error


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    """What came under one name in several cases is joined (RFC 9110, 5.3), so that it passes for neither of them."""
    lower: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        lower[key] = f"{lower[key]}, {value}" if key in lower else value
    return MappingProxyType(lower)
