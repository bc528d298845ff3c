"""Hrefs as they are asked for: signed at the moment of the copy, since no secret rests."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from shared.model.datasets import Dataset


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An address that can be asked as it is, with what has to be said beside it. Never stored, never logged."""

    url: str
    headers: Mapping[str, str] = MappingProxyType({})


class Signing(Protocol):
    """Gives what a source asks for."""

    async def signed(self, href: str, *, dataset: Dataset) -> Signed:
        """The address of an href for this dataset, for a few minutes from now on."""
        ...


class Unsigned:
    """Sources that anybody may read."""

    async def signed(self, href: str, *, dataset: Dataset) -> Signed:
        """The href as it is."""
        del dataset
        return Signed(url=href)
