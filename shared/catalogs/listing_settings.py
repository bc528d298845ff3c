"""What ``datasets.toml`` says of a list of an object store's keys."""

import functools
import re
from typing import Annotated, Literal, override

from pydantic import AfterValidator, Field

from shared.catalogs.kind import CatalogKind
from shared.model.access import AzureSource, Source
from shared.model.datasets import Selection
from shared.model.hrefs import ObjectAddress
from shared.model.items import CatalogAsset, CatalogItem
from shared.model.selection import is_selected_by_key
from shared.model.windows import TimeProperty

_LONGEST_PATTERN = 500
#: No key is longer: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_LONGEST_KEY = 1024


def _prefix(url: str) -> str:
    ObjectAddress.read_prefix(url)
    return url


def _grouping(text: str) -> str:
    if text in {"asset", "folder"}:
        return text
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"asset, folder, or a regular expression ({error})") from error
    if groups != 1 or len(text) > _LONGEST_PATTERN:
        raise ValueError("asset, folder, or a regular expression with one group, such as (S2[AB]_[^/]+)/")
    return text


class ListingSettings(CatalogKind, frozen=True):
    """All of a list but its reader."""

    kind: Literal["listing"]
    url: Annotated[str, Field(pattern=r"^(s3|gs|az)://"), AfterValidator(_prefix)]
    """s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix; it is asked as the dataset's source is.
    A prefix is what keys begin with: a/b lists a/b/1 and a/bc/1, a/b/ only the first; without one, all are listed."""
    patterns: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = ("*",)
    """Keys, whole, with * and ? (a slash is a character as any other); others are as good as not there. Lists are asked
    for what patterns begin with: of 2023/*.tif and 2024/* nothing else is read."""
    item: Annotated[str, AfterValidator(_grouping)] = "asset"
    """How keys belong together: each asset is an item (asset), those of one folder are (folder), or those of which a
    regular expression's only group finds the same, such as (S2[AB]_[^/]+)/."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Keys a page."""

    @property
    @override
    def has_times(self) -> bool:
        return True

    @property
    def place(self) -> ObjectAddress:
        """Bucket and prefix."""
        return ObjectAddress.read_prefix(self.url)

    @functools.cached_property
    def prefixes(self) -> tuple[str, ...]:
        """What all wanted keys begin with, in the order of keys; none lies in another one.

        A pattern says no more than stands before its first * or ?: a star stands for slashes, too, so of what comes
        after it no folder can be ruled out.
        """
        begun = self.place.key
        heads = {re.split(r"[*?]", each, maxsplit=1)[0][:_LONGEST_KEY] for each in self.patterns}
        prefixes: list[str] = []
        for each in sorted({max(head, begun, key=len) for head in heads if _agree(head, begun)}):
            if not prefixes or not each.startswith(prefixes[-1]):
                prefixes.append(each)
        return tuple(prefixes)

    def wants(self, key: str) -> bool:
        """Tell whether a key is one of those that are listed, prefix aside."""
        return is_selected_by_key(key, select=self._keys)

    def name_of(self, key: str) -> str:
        """What the item is called that a key belongs to; one that belongs to none is an item of its own."""
        match self.item:
            case "asset":
                name = None
            case "folder":
                name = key.rpartition("/")[0]
            case pattern:
                part = re.search(pattern, key)
                name = part[1] if part else None
        return name or self.href_of(key)

    def href_of(self, key: str) -> str:
        """The address of a key."""
        return f"{self._store}{key}"

    @functools.cached_property
    def _keys(self) -> Selection:
        return Selection(include=self.patterns)

    @functools.cached_property
    def _store(self) -> str:
        return f"{self.place.scheme}://{self.place.bucket}/"

    @override
    def item_of(self, asset: CatalogAsset) -> CatalogItem | None:
        """As a page has it: an asset of one that is grouped may be one of several, whose time nobody knows."""
        prefix = self.href_of(self.place.key)
        key = self.place.key + asset.href.removeprefix(prefix)
        if not asset.href.startswith(prefix) or not self.wants(key):
            return None
        name = self.name_of(key)
        moment = asset.updated if name == asset.href else None
        return CatalogItem(item=name, id=name, datetime=moment, assets=(asset,))

    @override
    def check(self, *, source: Source, publishes: bool) -> None:
        place = self.place
        account = place.bucket.partition("/")[0]
        if place.scheme not in source.schemes:
            raise ValueError(f"the catalog lists {place.scheme}://; a source of that kind has to be stated")
        if isinstance(source, AzureSource) and account not in source.accounts:
            raise ValueError(f"the catalog's account {account!r} isn't in the source's accounts")
        if not self.prefixes:
            raise ValueError(
                f"the catalog's patterns: none is of keys that begin with {place.key!r}, as its url has it"
            )
        if publishes and self.item != "asset":
            # Nobody could tell when they are whole.
            raise ValueError("publish: assets of one item may stand on several pages of a listing; leave it out")

    @override
    def check_incremental(self, by: TimeProperty) -> None:
        if by is not TimeProperty.UPDATED:
            raise ValueError("incremental: a listing has the time of modification alone; leave property out")


def _agree(head: str, begun: str) -> bool:
    """Tell whether there can be a key that begins with both."""
    return head.startswith(begun) or begun.startswith(head)
