"""A kind of catalog: what ``datasets.toml`` says of it, and how it is read."""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from shared.catalogs.manifest_bytes import Opened
from shared.catalogs.reader import CatalogReader
from shared.egress import Http
from shared.model.datasets import Dataset
from shared.model.hrefs import ObjectAddress
from shared.model.kinds import Kind


class Signed(Protocol):
    """An address that can be asked as it is, with what has to be said beside it."""

    @property
    def url(self) -> str:
        """Where; it may be signed."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What is said beside it."""
        ...

    @property
    def forget(self) -> Callable[[], None]:
        """To be called once the store has refused it (401, 403)."""
        ...


class SignList(Protocol):
    """Gives what a source asks for of those who list it; ``Credentials.listed`` is one."""

    async def __call__(self, place: ObjectAddress, /, *, query: Mapping[str, str], dataset: Dataset) -> Signed:
        """The address of a list, for a few minutes; raises UrlRefusedError, SourceRefusedError, a DeferredError."""
        ...


class OpenBlob(Protocol):
    """Opens ``blob://container/name`` of the data account from an offset on, or so many bytes from there."""

    def __call__(self, url: str, offset: int, length: int | None = None, /) -> AbstractAsyncContextManager[Opened]:
        """Raises SourceChangedError where the blob ends before the offset, and what its storage raises."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """By what a catalog can be reached; a reader takes of it what it needs."""

    http: Http
    #: For lists of object stores, which are asked by the rights of the dataset's source.
    sign: SignList
    open_blob: OpenBlob
    #: The app's folder, for ``file:path``.
    root: Path


class CatalogKind(Kind, abc.ABC, frozen=True):
    """A Kind with its reader: one module for each, and one line in ``kinds.py``."""

    @abc.abstractmethod
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        """The reader of this catalog, which is the dataset's."""
