"""Hrefs as they are asked for: signed at the moment of the copy, since no secret rests."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from shared.model.datasets import Dataset


def _nothing() -> None:
    """There is nothing to forget."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An address that can be asked as it is, with what has to be said beside it. Never stored, never logged."""

    url: str = dataclasses.field(repr=False)
    headers: Mapping[str, str] = dataclasses.field(default=MappingProxyType({}), repr=False)
    #: Hosts that may see the headers after a redirect, too.
    trusted: tuple[str, ...] = ()
    #: A host that asks people for their password: a redirect to it is a refusal.
    login: str | None = None
    #: To be called once the source has refused it (401, 403): the next one is made of a new token.
    forget: Callable[[], None] = _nothing


class Signing(Protocol):
    """Gives what a source asks for."""

    async def signed(self, href: str, *, dataset: Dataset) -> Signed:
        """The address of an href for this dataset, for a few minutes from now on.

        Raises UrlRefusedError, and SourceRefusedError or a DeferredError where no token is to be had.
        """
        ...
