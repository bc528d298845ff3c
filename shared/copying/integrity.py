"""What bytes are compared with, and what rows and metadata say of that."""

import dataclasses
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import override

from shared.sources.body import Body

_NOTHING = "nothing"
#: ``verified_by`` of bytes that nothing could be compared with.
NO_CHECKSUM = f"{_NOTHING}: the catalog and the source state no checksum that is known here"


class Authority(StrEnum):
    """Who states a checksum."""

    CATALOG = "catalog"
    #: A checksum file beside the asset.
    SIDECAR = "sidecar"
    #: The headers that the bytes came with.
    SOURCE = "source"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A digest that the bytes have to have."""

    by: Authority
    digest: str

    @override
    def __str__(self) -> str:
        return f"{self.by} {self.digest}"


def stated_by(source: Body) -> list[Expected]:
    """What a source states of its own bytes."""
    return [Expected(by=Authority.SOURCE, digest=each) for each in source.stated.values()]


def missed(expected: Iterable[Expected], *, have: Sequence[str]) -> list[Expected]:
    """What is expected of bytes that have other digests."""
    return [each for each in expected if each.digest not in have]


def verified_by(expected: Sequence[Expected], *, have: Sequence[str], why_not: str = "") -> str:
    """Say what bytes with these digests were verified by: ``catalog sha256:…, source md5:…``; or why by nothing."""
    wrong = [f"{each} doesn't agree" for each in missed(expected, have=have)]
    right = [str(each) for each in expected if each.digest in have]
    if right:
        return ", ".join([*right, *(f"but {each}" for each in wrong)])
    if wrong:
        return f"{_NOTHING}: {', '.join(wrong)}"
    return f"{NO_CHECKSUM}; {why_not}" if why_not else NO_CHECKSUM


def is_verified(verified_by: str) -> bool:
    """Tell whether anything agreed when this was said of bytes."""
    return not verified_by.startswith(_NOTHING)
