"""What readers of catalogs need, of which they have HTTP alone."""

from collections.abc import Mapping
from pathlib import Path

from shared.catalogs.kind import Signed, Ways
from shared.catalogs.manifest_bytes import open_file
from shared.egress import Http
from shared.model.datasets import Dataset
from shared.model.hrefs import ObjectAddress

_NOWHERE = Path("/nonexistent")


def ways(http: Http) -> Ways:
    """The ways of a reader that signs nothing and opens neither blobs nor files."""
    opened = open_file(_NOWHERE)
    return Ways(http=http, sign=_sign, open_blob=lambda url, offset, _=None: opened(url, offset), root=_NOWHERE)


async def _sign(place: ObjectAddress, /, *, query: Mapping[str, str], dataset: Dataset) -> Signed:
    raise AssertionError(f"{place} is to be signed for {dataset.catalog.url}: {query}")
