"""A look at the first bytes, and the type to store."""

import codecs
import gzip
import re
import tracemalloc

import pytest

from shared.model.errors import ContentMismatchError
from shared.sources.content import check_content, stored_media_type
from shared.sources.formats import FORMATS, Format

_TIFF = b"II*\x00\x08\x00\x00\x00"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_XML = b'<?xml version="1.0"?><metadata/>'
_HTML = b"<!DOCTYPE html><html><body>Sign in</body></html>"
_S3_ERROR = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'

_GENUINE = (
    ("tif", _TIFF),
    ("tif", b"MM\x00*\x00\x00\x00\x08"),
    ("TIFF", b"II+\x00\x08\x00\x00\x00"),
    ("gtiff", b"MM\x00+\x00\x08\x00\x00"),
    ("png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
    ("jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    ("jpeg", b"\xff\xd8\xff\xe1"),
    ("jp2", b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    ("j2k", b"\xff\x4f\xff\x51\x00\x2f"),
    ("json", b'{"a": 1}'),
    ("json", b"\xef\xbb\xbf \r\n\t[1]"),
    ("geotiff", _TIFF),
    ("zarray", b'{"zarr_format": 2, "shape": [1]}'),
    ("zattrs", b"{}"),
    ("geojson", b'{"type": "FeatureCollection"}'),
    ("h5", _HDF5),
    ("he5", b"user block".ljust(512, b"\x00") + _HDF5),
    ("hdf", _HDF5),
    ("hdf", b"\x0e\x03\x13\x01"),
    ("nc", b"CDF\x01"),
    ("nc", b"CDF\x02"),
    ("nc", b"CDF\x05"),
    ("nc4", _HDF5),
    ("zip", b"PK\x03\x04"),
    ("zip", b"PK\x05\x06"),
    ("gz", b"\x1f\x8b\x08"),
    ("tgz", b"\x1f\x8b\x08"),
    ("grib2", b"GRIB\xff\xff\x00\x02"),
    ("gb2", b"GRIB\xff\xff\x00\x02"),
    ("grb", b"\x01\r\r\n123 \r\r\nHTXF89 KWBC 050000\r\r\nGRIB"),
    ("parquet", b"PAR1\x15\x04"),
)


@pytest.mark.parametrize(("ending", "first"), _GENUINE)
def test_genuine_content(ending: str, first: bytes) -> None:
    """Bytes that begin as their format does pass."""
    check_content(first, media_type=None, href=f"https://h/a.{ending}?sig=x")


@pytest.mark.parametrize("name", [".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json", ".ZMETADATA"])
def test_metadata_of_zarr(name: str) -> None:
    """The dot files of a Zarr store are known by their names, and are JSON."""
    href = f"https://h/store.zarr/B04/{name}"

    check_content(b'{"zarr_format": 2}', media_type=None, href=href)
    assert stored_media_type(None, href=href) == "application/json"
    with pytest.raises(ContentMismatchError):
        check_content(b"Not found", media_type=None, href=href)


@pytest.mark.parametrize("ending", sorted({ending.lower() for ending, _ in _GENUINE}))
@pytest.mark.parametrize("first", [_HTML, _S3_ERROR, _XML, b"Not found", b"", b"\x00" * 2048])
def test_other_content(ending: str, first: bytes) -> None:
    """Error pages, prose, nothing at all and zeros are none of the formats with a signature."""
    with pytest.raises(ContentMismatchError):
        check_content(first, media_type=None, href=f"https://h/a.{ending}")


@pytest.mark.parametrize("first", [_HTML, _S3_ERROR, b'{"message": "Internal server error"}', b""])
@pytest.mark.parametrize("known", FORMATS[:4], ids=lambda known: known.endings[0])
def test_media_type_without_an_ending(known: Format, first: bytes) -> None:
    """The catalog's media type says what is expected where the href doesn't."""
    media_type = f"{known.media_types[0].upper()}; profile=cloud-optimized"

    with pytest.raises(ContentMismatchError):
        check_content(first, media_type=media_type, href="https://h/download?id=5")


@pytest.mark.parametrize(
    ("media_type", "href", "first"),
    [
        # A catalog's mistake in one of the two isn't the asset's.
        ("image/jp2", "https://h/a.tif", _TIFF),
        ("image/tiff", "https://h/a.jp2", _TIFF),
        ("image/tiff", "https://h/a.xml", _XML),
        ("application/octet-stream", "https://h/a.tif", _TIFF),
        ("application/geo+json", "https://h/a", b"[]"),
        # XML and HTML that are to be so.
        ("application/xml", "https://h/a", _XML),
        ("application/gml+xml; charset=utf-8", "https://h/a", _S3_ERROR),
        ("application/xml", "https://h/a", _S3_ERROR),
        ("text/xsl", "https://h/a", _S3_ERROR),
        (None, "https://h/a.xml", _S3_ERROR),
        (None, "https://h/a.kml", b"\xef\xbb\xbf<?xml version='1.0'?><kml/>"),
        ("text/html", "https://h/a", _HTML),
        ("application/xhtml+xml", "https://h/a", _HTML),
        (None, "https://h/a.HTML", _HTML),
        # Formats that have no signature here, and XML that is no error.
        (None, "https://h/a.bin", b""),
        (None, "https://h/a", b"\x00\x01"),
        (None, "https://h/a.txt", b"Not found"),
        (None, "https://h/a", _XML),
        (None, "https://h/a.csv", b"<1,>2\n"),
        ("text/plain", "https://[::1", b"text"),
        # A chunk of a Zarr store, which begins with anything.
        (None, "https://h/store.zarr/B04/0.0", b"\x02\x01"),
        (None, "https://h/store.zarr/B04/c/0/0", b"<1"),
        ("application/vnd+zarr", "https://h/store.zarr/B04/0", b"\x02\x01"),
        # An ending may be encoded, and a folder has none.
        (None, "https://h/a%2Etif", _TIFF),
        (None, "https://h/a.tif/b", b"text"),
    ],
)
def test_passes(media_type: str | None, href: str, first: bytes) -> None:
    """What doesn't contradict passes."""
    check_content(first, media_type=media_type, href=href)


@pytest.mark.parametrize(
    "page",
    [
        _HTML,
        b"\xef\xbb\xbf\r\n\t <HTML lang=en>",
        b"<head><title>503</title>",
        b"<body>Sorry",
        b"<script>location = '/login'</script>",
        b"<center><h1>502 Bad Gateway</h1></center>",
        b"<h1>Service unavailable</h1>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
        b"<!-- a --><!-- b -->\n<!doctype HTML>",
        codecs.BOM_UTF16_LE + "<!doctype html>".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "<!doctype html>".encode("utf-16-be"),
    ],
)
@pytest.mark.parametrize(
    ("media_type", "href"),
    [
        (None, "https://h/a"),
        (None, "https://h/a.bin"),
        ("application/xml", "https://h/a"),
        (None, "https://h/a.xml"),
        # The header of the answer, taken for the catalog's word, would excuse the page.
        ("text/html", "https://h/a.tif"),
        ("text/html", "https://h/a.xml"),
    ],
)
def test_html_page(page: bytes, media_type: str | None, href: str) -> None:
    """An HTML page is an error wherever no HTML is expected, also where the format is unknown."""
    with pytest.raises(ContentMismatchError):
        check_content(page, media_type=media_type, href=href)


@pytest.mark.parametrize(
    "document",
    [
        _S3_ERROR,
        b"<Error><Code>AccessDenied</Code></Error>",
        b'<?xml version="1.0"?><m:error xmlns:m="http://docs.oasis-open.org/odata/ns/metadata">',
        b'<?xml version="1.0"?><ServiceExceptionReport version="1.3.0">',
        b"<?xml version='1.0'?>\n<!DOCTYPE ServiceExceptionReport SYSTEM 'e.dtd'>\n<ServiceExceptionReport>",
        b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1">',
    ],
)
@pytest.mark.parametrize("media_type", [None, "text/plain", "application/octet-stream"])
def test_xml_error_document(document: bytes, media_type: str | None) -> None:
    """A service's error document is one wherever no XML is expected."""
    with pytest.raises(ContentMismatchError):
        check_content(document, media_type=media_type, href="https://h/a.bin")


@pytest.mark.parametrize(
    "ending",
    [
        *("xml", "xsd", "xsl", "xslt", "kml", "gml", "gpx", "rss", "atom", "wsdl"),
        # What goes with rasters and with products of satellites.
        *("vrt", "qml", "sld", "safe", "dim", "imd"),
    ],
)
def test_error_document_where_xml_is_expected(ending: str) -> None:
    """Where XML is expected nobody can tell an error document from the asset."""
    check_content(_S3_ERROR, media_type="image/tiff", href=f"https://h/a.{ending}")


@pytest.mark.parametrize("ending", ["html", "htm", "xhtml"])
def test_page_where_html_is_expected(ending: str) -> None:
    """Where HTML is expected nobody can tell an error page from the asset."""
    check_content(_HTML, media_type="image/tiff", href=f"https://h/a.{ending}")


def test_xml_ending_of_no_xml() -> None:
    """An ending of XML doesn't excuse bytes that are neither XML nor what the media type says."""
    with pytest.raises(ContentMismatchError):
        check_content(b"Not found", media_type="image/tiff", href="https://h/a.xml")


def test_xml_type_of_a_known_format() -> None:
    """A media type of XML doesn't excuse an error document in place of a TIFF."""
    with pytest.raises(ContentMismatchError):
        check_content(_S3_ERROR, media_type="application/xml", href="https://h/a.tif")


@pytest.mark.parametrize(
    ("media_type", "href", "first", "said"),
    [
        (None, "https://h/a.tif", _HTML, "an HTML page came for .tif"),
        (None, "https://h/a", _S3_ERROR, "an XML error document came for an asset"),
        ("image/TIFF; a=b", "https://h/a.tif", _XML, "an XML document came for .tif (image/tiff)"),
        (
            "image/tiff",
            "https://h/a",
            b"Not found",
            "bytes that begin with 4e 6f 74 20 66 6f 75 6e came for an asset (image/tiff)",
        ),
        (None, "https://h/a.tif", b"", "bytes that begin with nothing came for .tif"),
    ],
)
def test_what_a_mismatch_says(media_type: str | None, href: str, first: bytes, said: str) -> None:
    """A mismatch says what came and what was expected, and no address."""
    with pytest.raises(ContentMismatchError, match=f"^{re.escape(said)}$"):
        check_content(first, media_type=media_type, href=href)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_packed_content(encoding: str) -> None:
    """Bytes that are packed for the way are looked into."""
    check_content(gzip.compress(_TIFF, mtime=0), media_type=None, href="https://h/a.tif", encoding=encoding)
    with pytest.raises(ContentMismatchError):
        check_content(gzip.compress(_HTML, mtime=0), media_type=None, href="https://h/a.tif", encoding=encoding)


@pytest.mark.parametrize(
    ("first", "href", "encoding"),
    [
        # A server that calls a packed file packed for the way.
        (gzip.compress(b"any", mtime=0), "https://h/a.tar.gz", "gzip"),
        # Said to be packed, and isn't.
        (_TIFF, "https://h/a.tif", "gzip"),
        (_TIFF, "https://h/a.tif", "br"),
    ],
)
def test_odd_packing(first: bytes, href: str, encoding: str) -> None:
    """A wrong word about the packing is no reason to refuse good bytes."""
    check_content(first, media_type=None, href=href, encoding=encoding)


def test_bomb() -> None:
    """Only the beginning of packed bytes is unpacked."""
    bomb = gzip.compress(b"0" * 50_000_000, mtime=0)
    tracemalloc.start()

    check_content(bomb, media_type=None, href="https://h/a.bin", encoding="gzip")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_comments_without_end() -> None:
    """A page that is made to be slow to look at isn't."""
    check_content(b"<!-- a -->" * 100_000, media_type=None, href="https://h/a")


@pytest.mark.parametrize(
    ("media_type", "href", "stored"),
    [
        ("image/tiff; application=geotiff; profile=cloud-optimized", "https://h/a", None),
        ("application/vnd.custom+json", "https://h/a.tif", None),
        (" image/png ", "https://h/a", "image/png"),
        (None, "https://h/a.TIF?sig=x", "image/tiff"),
        ("", "https://h/a.jp2", "image/jp2"),
        (None, "https://h/a.parquet", "application/vnd.apache.parquet"),
        (None, "https://h/a.geojson", "application/geo+json"),
        (None, "https://h/a.nc", "application/netcdf"),
        (None, "https://h/a.txt", "text/plain"),
        (None, "https://h/a.csv", "text/csv"),
        (None, "https://h/a.tar.gz", "application/gzip"),
        (None, "https://h/a.tar.bz2", "application/octet-stream"),
        (None, "https://h/a.txz", "application/octet-stream"),
        (None, "https://h/a", "application/octet-stream"),
        (None, "https://h/a.unheardof", "application/octet-stream"),
        # No media type, or one that would write a header of its own.
        ("tiff", "https://h/a.tif", "image/tiff"),
        ("image/tiff\r\nX-Evil: 1", "https://h/a.png", "image/png"),
        ("image/tiff; a=\x00", "https://h/a", "application/octet-stream"),
        ("image/tïff", "https://h/a", "application/octet-stream"),
        ("image/" + "a" * 250, "https://h/a", None),
        ("image/" + "a" * 251, "https://h/a", "application/octet-stream"),
        # What a browser would run.
        ("text/html", "https://h/a", "application/octet-stream"),
        ("TEXT/HTML; charset=utf-8", "https://h/a", "application/octet-stream"),
        ("image/svg+xml", "https://h/a", "application/octet-stream"),
        ("application/xhtml+xml", "https://h/a", "application/octet-stream"),
        ("text/javascript", "https://h/a", "application/octet-stream"),
        ("application/javascript", "https://h/a", "application/octet-stream"),
        ("text/xsl", "https://h/a", "application/octet-stream"),
        (None, "https://h/a.html", "application/octet-stream"),
        (None, "https://h/a.svg", "application/octet-stream"),
        (None, "https://h/a.js", "application/octet-stream"),
    ],
)
def test_stored_media_type(media_type: str | None, href: str, stored: str | None) -> None:
    """The type to store is the stated one if it is sound (None here), else the ending's, and never an active one."""
    assert stored_media_type(media_type, href=href) == (stored or media_type)
