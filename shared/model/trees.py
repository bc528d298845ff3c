"""Catalogs that are trees of documents on a web server: what ``datasets.toml`` says of them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.model.kinds import Kind

type _Patterns = tuple[Annotated[str, Field(min_length=1)], ...]


class StaticStacCatalog(Kind):
    """STAC documents without an API: a catalog or a collection, and what its links lead to."""

    kind: Literal["static_stac"]
    url: Annotated[str, Field(pattern=r"^https?://")]
    """The address of a catalog.json or a collection.json."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    """Items a page; each is a request."""


class HttpIndexCatalog(Kind):
    """A directory as Apache, nginx or Caddy lists it, with all directories below it."""

    has_times: ClassVar[bool] = False

    kind: Literal["http_index"]
    url: Annotated[str, Field(pattern=r"^https?://[^?#]+/$")]
    """The directory's address; it ends in a slash."""
    patterns: Annotated[_Patterns, Field(min_length=1)] = ("*",)
    """Paths of files below the directory, such as 2024/*.tif, with * and ? (a slash is a character as any other);
    others are as good as not there."""
    exclude: _Patterns = ()
    """Paths that are left out; a directory whose path (it ends in a slash) is among them isn't asked for."""
    item: Literal["asset", "folder"] = "asset"
    """How files belong together: each is an item (asset), or those of one directory are (folder)."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Files a page; a directory that is an item stands on one page, whatever it has."""
