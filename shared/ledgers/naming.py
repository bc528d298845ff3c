"""What an operator may name an asset by: its address, its blob, its item, or item and key."""

import dataclasses
from collections.abc import Collection
from typing import Self
from urllib.parse import unquote, urlsplit

from shared.model.errors import QueryInvalidError
from shared.model.hrefs import unsigned
from shared.storage.blobs import BlobPath


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a text may mean."""

    #: An item's name as it is, or an address without what signs it.
    text: str
    #: Whether it is an address: a source's, or a blob's.
    is_address: bool
    #: Where a blob of this name may stand.
    paths: tuple[BlobPath, ...]

    @classmethod
    def read(cls, text: str, *, endpoint: str, containers: Collection[str]) -> Self:
        """Read it; ``endpoint``: where the account's blobs are. Raises QueryInvalidError for what is no address."""
        if "://" not in text:
            return cls(text=text, is_address=False, paths=_paths(text, containers))
        try:
            address = unsigned(text)
            path = unquote(urlsplit(text).path)
        except ValueError as error:
            # Not quoted: it may be signed.
            raise QueryInvalidError("this is no address that can be read", field="what") from error
        base = urlsplit(endpoint)
        if urlsplit(address)[:2] != base[:2] or not path.startswith(f"{base.path}/"):
            return cls(text=address, is_address=True, paths=())
        container, _, name = path.removeprefix(f"{base.path}/").partition("/")
        return cls(text=address, is_address=True, paths=(BlobPath(container=container, name=name),) if name else ())


def _paths(text: str, containers: Collection[str]) -> tuple[BlobPath, ...]:
    """Container and name, where it begins with a container that is known, or a name in each of them."""
    first, _, rest = text.partition("/")
    with_container = [BlobPath(container=first, name=rest)] if first in containers and rest else []
    return (*with_container, *(BlobPath(container=each, name=text) for each in sorted(containers)))
