"""A look at the first bytes: an error page is no GeoTIFF."""

import functools
import mimetypes
import re
import zlib
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from shared.model.errors import ContentMismatchError
from shared.sources.formats import FORMATS, Format

_LOOK_BYTES = 4096
_OCTETS = "application/octet-stream"
_HTML = re.compile(
    r"(?:<\?xml[^>]*>|<!--.*?-->|\s)*+<(!doctype\s+html|html|head|body|script|center|h1)\b", re.IGNORECASE | re.DOTALL
)
# Spaces of every kind; to decode other bytes only to see that they are none would cost more than the rest of the look.
_MARKUP = re.compile(rb"[\s\x1c-\x1f\x80-\xff]*<")
_XML = re.compile(r"\s*<\?xml\b", re.IGNORECASE)
# Documents of errors, by their root: S3, Azure Storage and OData, OGC services.
_ERROR_ROOT = re.compile(
    r"\s*(<\?xml[^>]*>\s*)?(<!DOCTYPE[^>]*>\s*)?<([a-z]+:)?([Ee]rror|ServiceExceptionReport|ExceptionReport)[\s>]"
)
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*(\s*;[\x20-\x7e]*)?", re.IGNORECASE)
_LONGEST_MEDIA_TYPE = 256
# A browser that opens such a blob would run what is in it, with the rights of the blob's site.
_ACTIVE = frozenset(
    {"text/html", "application/xhtml+xml", "image/svg+xml", "text/javascript", "application/javascript", "text/xsl"}
)
_XML_ENDINGS = frozenset(
    {"xml", "xsd", "xsl", "xslt", "kml", "gml", "gpx", "rss", "atom", "vrt", "qml", "sld", "safe", "wsdl", "dim", "imd"}
)
_HTML_ENDINGS = frozenset({"html", "htm", "xhtml"})


def check_content(first: bytes, *, media_type: str | None, href: str, encoding: str | None = None) -> None:
    """Raise ContentMismatchError for an error page, or for bytes of another format than the asset's.

    ``first`` is the whole body or at least its first 1 KiB; ``media_type`` what the catalog states (a server that sends
    an error page calls it text/html); ``encoding`` the Content-Encoding of the bytes. Formats that aren't known here
    pass. An empty body is no TIFF: who knows that the asset is empty doesn't ask.
    """
    kind, ending = _essence(media_type), _ending(href)
    look = _decoded(first, encoding)
    text = _text(look)
    if _HTML.match(text) and not _may_be_html(kind, ending):
        raise ContentMismatchError(f"an HTML page came for {_named(kind, ending)}")
    if _ERROR_ROOT.match(text) and not _may_be_xml(kind, ending):
        raise ContentMismatchError(f"an XML error document came for {_named(kind, ending)}")
    if ending in _XML_ENDINGS | _HTML_ENDINGS and text.lstrip().startswith("<"):
        return
    formats = [each for each in FORMATS if kind in each.media_types or ending in each.endings]
    if formats and not any(each.begins(view) for each in formats for view in (first, look)):
        came = "an XML document" if _XML.match(text) else f"bytes that begin with {look[:8].hex(' ') or 'nothing'}"
        raise ContentMismatchError(f"{came} came for {_named(kind, ending)}")


def stored_media_type(media_type: str | None, *, href: str) -> str:
    """The Content-Type to store: as stated if well-formed, else by the href's ending; nothing that a browser runs."""
    stated = (media_type or "").strip()
    if len(stated) > _LONGEST_MEDIA_TYPE or not _MEDIA_TYPE.fullmatch(stated):
        stated = _guessed(href)
    return _OCTETS if _essence(stated) in _ACTIVE else stated


def _essence(media_type: str | None) -> str:
    return (media_type or "").partition(";")[0].strip().lower()


def _ending(href: str) -> str:
    try:
        path = urlsplit(href).path
    except ValueError:
        return ""
    # Of a dot file, its name: .zarray.
    _, dot, ending = PurePosixPath(unquote(path)).name.rpartition(".")
    return ending.lower() if dot else ""


def _decoded(first: bytes, encoding: str | None) -> bytes:
    """The first bytes without gzip, as far as they go: enough to see an error page, and never a bomb."""
    if encoding not in {"gzip", "x-gzip"}:
        return first
    try:
        return zlib.decompressobj(wbits=31).decompress(first, _LOOK_BYTES)
    except zlib.error:
        return first


def _text(look: bytes) -> str:
    """Markup as text; nothing for other bytes."""
    if look.startswith((b"\xff\xfe", b"\xfe\xff")):
        return look[:_LOOK_BYTES].decode("utf-16", errors="replace")
    return look[:_LOOK_BYTES].decode("utf-8-sig", errors="replace") if _MARKUP.match(look) else ""


def _may_be_html(kind: str, ending: str) -> bool:
    """Either says so, and the other doesn't contradict."""
    if ending in _HTML_ENDINGS:
        return True
    return kind in {"text/html", "application/xhtml+xml"} and _format_of(ending) is None and ending not in _XML_ENDINGS


def _may_be_xml(kind: str, ending: str) -> bool:
    if ending in _XML_ENDINGS:
        return True
    return (kind.endswith(("/xml", "+xml")) or kind == "text/xsl") and _format_of(ending) is None


def _format_of(ending: str) -> Format | None:
    return next((each for each in FORMATS if ending in each.endings), None)


def _named(kind: str, ending: str) -> str:
    return " ".join([f".{ending}" if ending else "an asset", *([f"({kind})"] if kind else [])])


def _guessed(href: str) -> str:
    ending = _ending(href)
    if (known := _format_of(ending)) is not None:
        return known.media_types[0]
    guessed, packed = _types().guess_type(f"file.{ending}")
    return guessed if guessed and not packed else _OCTETS


@functools.cache
def _types() -> mimetypes.MimeTypes:
    """Python's own table: the machine's would give other answers elsewhere."""
    return mimetypes.MimeTypes()
