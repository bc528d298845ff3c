"""A catalog that is a list of addresses in a file: what ``datasets.toml`` says of it."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.model.kinds import Kind


class ManifestFormat(StrEnum):
    """How the lines of a manifest are written."""

    #: By the ending of its address, or the header ``TsvHttpData-1.0``.
    AUTO = "auto"
    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"


class ManifestCatalog(Kind):
    """A list of files: TSV, CSV or NDJSON, one line a file."""

    has_times: ClassVar[bool] = False

    kind: Literal["manifest"]
    url: Annotated[str, Field(pattern=r"^(https?://|blob://[^/]+/.|file:.)")]
    """https://…, blob://container/name in the data account, or file:path within the app's folder."""
    format: ManifestFormat = ManifestFormat.AUTO
    """How its lines are written."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Lines a page."""
