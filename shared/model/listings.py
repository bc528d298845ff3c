"""A catalog that is a list of an object store's keys: what ``datasets.toml`` says of it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.model.access import AzureSource, Source
from shared.model.hrefs import ObjectAddress
from shared.model.kinds import Kind

_LONGEST_PATTERN = 500


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


class ListingCatalog(Kind):
    """A list of what is in a bucket or a container, or of what begins with a prefix there."""

    kind: Literal["listing"]
    url: Annotated[str, Field(pattern=r"^(s3|gs|az)://"), AfterValidator(_prefix)]
    """s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix; it is asked as the dataset's source is.
    A prefix is what keys begin with: a/b lists a/b/1 and a/bc/1, a/b/ only the first; without one, all are listed."""
    patterns: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = ("*",)
    """Keys, whole, with * and ? (a slash is a character as any other); others are as good as not there."""
    item: Annotated[str, AfterValidator(_grouping)] = "asset"
    """How keys belong together: each asset is an item (asset), those of one folder are (folder), or those of which a
    regular expression's only group finds the same, such as (S2[AB]_[^/]+)/."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Keys a page."""

    @property
    def place(self) -> ObjectAddress:
        """Bucket and prefix."""
        return ObjectAddress.read_prefix(self.url)

    def check_parts(self, *, source: Source, publishes: bool) -> None:
        """Raise ValueError unless the list can be asked by this source, and the dataset can do what it is to do."""
        place = self.place
        account = place.bucket.partition("/")[0]
        if place.scheme not in source.schemes:
            raise ValueError(f"the catalog lists {place.scheme}://; a source of that kind has to be stated")
        if isinstance(source, AzureSource) and account not in source.accounts:
            raise ValueError(f"the catalog's account {account!r} isn't in the source's accounts")
        if publishes and self.item != "asset":
            # Nobody could tell when they are whole.
            raise ValueError("publish: assets of one item may stand on several pages of a listing; leave it out")
