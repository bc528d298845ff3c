"""The lines of a manifest: how they are written, and the file that each one names.

Google's list of URLs is taken as it is (https://cloud.google.com/storage-transfer/docs/create-url-list): address, size
and MD5 in Base64, with tabs between them, below a line that says so::

    TsvHttpData-1.0
    https://data.example.org/a.tif<tab>1357<tab>wHENa08V36iPYAsOa2JAdw==

So are CSV and TSV with a line of column names, both without one (address, size, MD5), and a JSON object a line.
"""

import csv
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.catalogs.json_text import explained, parse_json, shown
from shared.model.checksums import Algorithm, from_hex_or_base64, from_multihash
from shared.model.errors import MalformedCatalogError
from shared.model.hrefs import ObjectAddress, host_of, unsigned
from shared.model.items import CatalogAsset
from shared.model.times import in_utc

_MAX_LINE_BYTES = 64 * 1024
_GOOGLE_HEADER = "TsvHttpData-1.0"
_BOM = b"\xef\xbb\xbf"
_UNNAMED = ("url", "size", "md5")


class ManifestFormat(StrEnum):
    """How the lines of a manifest are written."""

    #: By the ending of its address, or the header ``TsvHttpData-1.0``.
    AUTO = "auto"
    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"


_ENDINGS = {
    ".csv": ManifestFormat.CSV,
    ".tsv": ManifestFormat.TSV,
    ".ndjson": ManifestFormat.NDJSON,
    ".jsonl": ManifestFormat.NDJSON,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a manifest."""

    #: From 1.
    number: int
    #: Bytes before it.
    offset: int
    #: Without its end; None where it has more than 64 KiB.
    raw: bytes | None


async def split_lines(chunks: AsyncIterator[bytes], *, number: int, offset: int) -> AsyncGenerator[Line]:
    """Cut bytes into lines; the first of them has this number and offset."""
    rest, dropped = b"", 0
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for piece in whole:
            yield _line(piece, dropped=dropped, number=number, offset=offset)
            number, offset, dropped = number + 1, offset + dropped + len(piece) + 1, 0
        if dropped + len(rest) > _MAX_LINE_BYTES:
            rest, dropped = b"", dropped + len(rest)
    if rest or dropped:
        yield _line(rest, dropped=dropped, number=number, offset=offset)


def text_of(line: Line) -> str | None:
    """The line's text, or None where it is blank or a comment; raises MalformedCatalogError."""
    if line.raw is None:
        raise MalformedCatalogError(f"the line has more than {_MAX_LINE_BYTES} bytes")
    try:
        text = line.raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedCatalogError(f"the line isn't UTF-8: {error.reason} at byte {error.start}") from error
    return text if text.strip() and not text.startswith("#") else None


class Layout(BaseModel):
    """How the lines of a manifest are written: what its first line says, and what its dataset says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ManifestFormat
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, first: str, *, url: str, stated: ManifestFormat) -> "tuple[Layout, bool]":
        """The layout, and whether the first line only names it."""
        if first.strip() == _GOOGLE_HEADER:
            return cls(format=ManifestFormat.TSV, columns=_UNNAMED), True
        chosen = _by_ending(url) or _by_look(first) if stated is ManifestFormat.AUTO else stated
        if chosen is ManifestFormat.NDJSON:
            return cls(format=chosen), False
        names = tuple(cell.strip().lower() for cell in _cells(first, chosen))
        if not {"url", "href"}.isdisjoint(names):
            return cls(format=chosen, columns=tuple(name if name in _COLUMNS else "" for name in names)), True
        return cls(format=chosen, columns=_UNNAMED), False

    def entry(self, text: str) -> "Entry":
        """The file that a line names; raises MalformedCatalogError."""
        try:
            if self.format is ManifestFormat.NDJSON:
                return Entry.model_validate(parse_json(text.encode()))
            return Entry.model_validate(dict(zip(self.columns, _cells(text, self.format), strict=False)))
        except ValidationError as error:
            raise MalformedCatalogError(explained(error)) from error
        except ValueError as error:
            raise MalformedCatalogError(f"{error}, found {shown(text)}") from error


def _address(url: str) -> str:
    if ObjectAddress.read(url) is None and (urlsplit(url).scheme not in {"https", "http"} or not host_of(url)):
        raise ValueError("it has to be an absolute address with https://, http://, s3://, gs:// or az://")
    unsigned(url).encode()
    return url


def _any_checksum(text: str) -> str:
    algorithm, colon, value = text.partition(":")
    return from_hex_or_base64(Algorithm(algorithm.lower()), value) if colon else from_multihash(text)


def _hex_or_base64(algorithm: Algorithm) -> AfterValidator:
    return AfterValidator(lambda text: from_hex_or_base64(algorithm, text))


#: Not for a number in JSON: its decimal digits aren't hex, however much they look like it.
_TEXT = Field(coerce_numbers_to_str=False)


class Entry(BaseModel):
    """One file, as a line names it; columns that aren't these are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    url: Annotated[str, Field(validation_alias=AliasChoices("url", "href")), AfterValidator(_address)]
    size: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    #: In hex or Base64; any checksum as ``<algorithm>:<either>`` or as a multihash.
    md5: Annotated[str, _hex_or_base64(Algorithm.MD5)] | None = None
    sha256: Annotated[str, _hex_or_base64(Algorithm.SHA256)] | None = None
    crc64nvme: Annotated[str, _TEXT, _hex_or_base64(Algorithm.CRC64NVME)] | None = None
    crc32c: Annotated[str, _TEXT, _hex_or_base64(Algorithm.CRC32C)] | None = None
    crc32: Annotated[str, _TEXT, _hex_or_base64(Algorithm.CRC32)] | None = None
    checksum: Annotated[str, AfterValidator(_any_checksum)] | None = None
    destination: str | None = None
    item: str | None = None
    updated: Annotated[datetime, AfterValidator(in_utc)] | None = None
    media_type: Annotated[str, Field(max_length=256)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, value: object) -> object:
        """A column that is empty says nothing."""
        if not isinstance(value, dict):
            return value
        row = cast("dict[str, object]", value)
        stripped = {name: each.strip() if isinstance(each, str) else each for name, each in row.items()}
        return {name: each for name, each in stripped.items() if each is not None and each != ""}

    @property
    def asset(self) -> CatalogAsset:
        """The file as every catalog lists one."""
        return CatalogAsset(
            key=unsigned(self.url),
            href=self.url,
            size=self.size,
            checksum=self._strongest,
            updated=self.updated,
            media_type=self.media_type,
            destination=self.destination,
        )

    @property
    def _strongest(self) -> str | None:
        """The checksum to verify by."""
        return self.checksum or self.sha256 or self.md5 or self.crc64nvme or self.crc32c or self.crc32


_COLUMNS = frozenset({"href", *Entry.model_fields})


def _line(piece: bytes, *, dropped: int, number: int, offset: int) -> Line:
    too_long = dropped + len(piece) > _MAX_LINE_BYTES
    text = piece.removeprefix(_BOM) if offset == 0 else piece
    return Line(number=number, offset=offset, raw=None if too_long else text.removesuffix(b"\r"))


def _by_ending(url: str) -> ManifestFormat | None:
    path = urlsplit(url).path.lower()
    return next((form for ending, form in _ENDINGS.items() if path.endswith(ending)), None)


def _by_look(first: str) -> ManifestFormat:
    """A plain list of addresses is TSV: an address can have commas, but no tab."""
    if first.lstrip().startswith("{"):
        return ManifestFormat.NDJSON
    names = {cell.strip().lower() for cell in first.split(",")}
    return ManifestFormat.CSV if len(names) > 1 and not names.isdisjoint({"url", "href"}) else ManifestFormat.TSV


def _cells(text: str, form: ManifestFormat) -> list[str]:
    """The cells of a line; raises MalformedCatalogError for a quote that doesn't end."""
    if form is ManifestFormat.TSV:
        return text.split("\t")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise MalformedCatalogError(f"{error}, found {shown(text)}") from error
