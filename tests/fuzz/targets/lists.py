"""Lists of files: of buckets, of directories, of tables, one line each."""

import functools
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from shared.catalogs.geoparquet import Geoparquet, GeoparquetCatalog
from shared.catalogs.geoparquet_pages import Standing
from shared.catalogs.http_index import HttpIndex, HttpIndexCatalog
from shared.catalogs.kinds import KINDS
from shared.catalogs.listing import Listing, ListingCatalog
from shared.catalogs.manifest import Manifest, ManifestCatalog
from shared.catalogs.manifest_bytes import open_web
from shared.catalogs.parquet_bytes import read_web
from shared.model.datasets import Dataset, Selection
from shared.model.hrefs import ObjectAddress
from shared.model.kinds import define
from shared.sources.signing import Signed
from tests.fakes.egress import FakeEgress, files
from tests.fakes.tables import pa, ranged, stac_row, written
from tests.fuzz.mutating import mutated_bytes, mutated_markup
from tests.fuzz.nasty import HREFS, TIMES
from tests.fuzz.target import Target
from tests.fuzz.targets.harness import ALLOW, OF_READERS, StrictEgress, discovered, serving
from tests.unit.model.builders import dataset

define(KINDS)
INDEXES = Path(__file__).resolve().parents[2] / "fakes" / "indexes"
TOP = "https://data.example.org/pub/"
_TABLE = "https://data.example.org/table.parquet"
LIST = "https://data.example.org/list"

_S3 = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>1</NextContinuationToken>"
    b"<KeyCount>2</KeyCount><Contents><Key>a/b+c%20d.tif</Key><LastModified>2024-06-01T12:00:00.000Z</LastModified>"
    b"<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1</Size></Contents><Contents><Key>e/</Key>"
    b"<LastModified>2024-06-01T12:00:00.000Z</LastModified><Size>0</Size></Contents></ListBucketResult>"
)
_AZURE = (
    '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a/"><Blobs><Blob>'
    '<Name Encoded="true">a%2Fb.tif</Name><Properties><Last-Modified>Sat, 01 Jun 2024 12:00:00 GMT</Last-Modified>'
    "<Content-Length>9</Content-Length><Content-MD5>AAAAAAAAAAAAAAAAAAAAAA==</Content-MD5></Properties></Blob><Blob>"
    "<Name>e</Name><Properties><ResourceType>directory</ResourceType><Content-Length>0</Content-Length></Properties>"
    "</Blob></Blobs><NextMarker>2</NextMarker></EnumerationResults>"
).encode()
_LAUGHS = "".join(f'<!ENTITY l{each} "{f"&l{each - 1};" * 10}">' for each in range(1, 10))
_XML_TOKENS = (
    f'<!DOCTYPE a [<!ENTITY l0 "ha">{_LAUGHS}]>'.encode(),
    b'<!DOCTYPE a [<!ENTITY q "' + b"a" * 20_000 + b'">]>',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE a SYSTEM "http://169.254.169.254/dtd">',
    b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://169.254.169.254/"> %p;]>',
    *(b"&l9;" * 100, b"&q;" * 5000, b"&x;", b"&#0;", b"&#xD800;", b"&#x110000;", b"<![CDATA[", b"<?a b?>", b"%E0%80"),
    *(
        b"<Key>%FF</Key>",
        b"<Size>-1</Size>",
        b"<Size>" + b"9" * 5000 + b"</Size>",
        b"<Size>\xd9\xa1</Size>",
        b"<a>" * 40,
    ),
    *(b'<a xmlns="' + b"u" * 9000 + b'">', b"</Contents>", b"<Contents/>" * 3000, b"<IsTruncated>false</IsTruncated>"),
    *(b'<?xml version="1.0" encoding="utf-16"?>', b'<?xml version="1.1"?>', b'<?xml version="1.0" encoding="utf-7"?>'),
    b"<Key a0='" + b"' b='".join(b"%d" % each for each in range(3000)) + b"'/>",
    b"<LastModified>0001-01-01T00:00:00+14:00</LastModified>",
    b"<Last-Modified>Fri, 31 Dec 9999 23:59:59 -2359</Last-Modified>",
)
_HTML_TOKENS = (
    *(
        b'<a href="a/">a</a>',
        b'<a href="../">',
        b'<a href="',
        b"<a href=",
        b"<A HREF='b.tif'>",
        b"<a " * 3000,
        b"<a href",
    ),
    *(
        b'<a href="&#x110000;&#0;&#xD800;">',
        b'<a href="' + b"&amp;" * 800 + b'">',
        b'<a href="//[">',
        b'<a href="%ff%2f">',
    ),
    *(
        b'<a href="https://data.example.org/pub/x/">',
        b'<a href="./a:b">',
        b'<a href="?C=N">',
        b"<!--",
        b"--!>",
        b"<script>",
    ),
    *(
        b'<a href="a\'b" href=c>',
        b'<a href="\xc3\x28">',
        b"<a\x00href=x>",
        b'<a href=" ' + b" " * 4000 + b'">',
        b"<a/href=a/>",
    ),
    b"".join(b'<a href="f%d/">' % each for each in range(2000)),
)
_LINE_TOKENS = (
    *(
        b"TsvHttpData-1.0\n",
        b"url,size\n",
        b"url\tsize\titem\n",
        b'"',
        b'""',
        b"'",
        b"\t\t\t",
        b",,,",
        b"#",
        b"\r",
        b"\x0b",
    ),
    *(
        b'{"url": "https://data.example.org/a.tif"}\n',
        b'{"url": ["a"]}\n',
        b"\n\n\n",
        b'"a\nb"',
        b"\x1c",
        b"\xe2\x80\xa8",
    ),
    *(each.encode("utf-8", "replace") for each in (*HREFS[:20], *TIMES)),
)
MANIFESTS = (
    b"TsvHttpData-1.0\nhttps://data.example.org/a.tif\t9\tAAAAAAAAAAAAAAAAAAAAAA==\nhttps://data.example.org/b.tif\n",
    b"url,size,md5,sha256,updated,media_type,destination,item\nhttps://data.example.org/a.tif,9,"
    + b"0" * 32
    + b",,2024-06-01T00:00:00Z,image/tiff,x/a.tif,i1\n",
    b"url\titem\tupdated\nhttps://data.example.org/a.tif\ti1\t1717200000\nhttps://data.example.org/c.tif\ti1\t\n",
    b'{"url": "https://data.example.org/a.tif", "size": 9, "checksum": "1220'
    + b"0" * 64
    + b'", "updated": 1717200000}\n'
    b'{"href": "https://data.example.org/b.tif", "item": "i1", "destination": "x/b.tif"}\n',
    b"https://data.example.org/a.tif\nhttps://data.example.org/b.tif\n",
)


async def _listing(body: bytes, *, url: str, source: Mapping[str, Any]) -> None:
    parts: dict[str, Any] = {
        "catalog": {"kind": "listing", "url": url, "patterns": ["*"], "page_size": 2},
        "source": source,
        "allow": {"hosts": list(ALLOW.hosts)},
    }
    described = dataset(**parts)
    assert isinstance(described.catalog, ListingCatalog)
    reader = Listing(described.catalog, dataset=described, http=serving(lambda _: body), sign=_signed)
    await discovered(reader, **parts)


async def _signed(place: ObjectAddress, /, *, query: Mapping[str, str], dataset: Dataset) -> Signed:
    del dataset
    return Signed(url=f"https://{place.scheme}.example.org/{place.bucket}?{urlencode(query)}")


async def _http_index(body: bytes) -> None:
    """The same page below, too: directories without end."""
    catalog = HttpIndexCatalog(kind="http_index", url=TOP, page_size=50)
    reader = HttpIndex(catalog, allow=ALLOW, http=serving(lambda asked: body if len(asked.url) < 120 else None))
    await discovered(reader, catalog=catalog.model_dump())


async def _geoparquet(body: bytes) -> None:
    await discovered(table_of(FakeEgress(ranged({_TABLE: body}))), catalog=_TABLE_PARTS)


def table_of(http: FakeEgress) -> Geoparquet:
    catalog = GeoparquetCatalog(kind="geoparquet", url=_TABLE, page_size=5)
    part = read_web(_TABLE, http, allow=ALLOW)
    return Geoparquet(catalog, select=Selection(), part=part, standing=Standing())


_TABLE_PARTS = {"kind": "geoparquet", "url": _TABLE}


async def _manifest(body: bytes) -> None:
    reader = listed(StrictEgress(files({LIST: body}, chunk_size=4096)))
    await discovered(reader, catalog={"kind": "manifest", "url": LIST, "page_size": 3})


def listed(http: FakeEgress) -> Manifest:
    catalog = ManifestCatalog(kind="manifest", url=LIST, page_size=3)
    return Manifest(catalog, open_manifest=open_web(http, allow=ALLOW))


@functools.cache
def _tables() -> tuple[bytes, ...]:
    rows = [
        stac_row(f"T{each}", day=each, title="a" * 50, bbox={"xmin": 7.5, "ymin": 47.0, "xmax": 8.5, "ymax": 48.0})
        for each in (1, 2, 3)
    ]
    plain = [
        {"url": f"https://data.example.org/{each}.tif", "size": each, "nested": {"a": [each]}} for each in range(5)
    ]
    same = pa.table({"url": pa.repeat("https://data.example.org/" + "a" * 200 + ".tif", 200_000)})
    return (
        written(rows, group_size=2),
        written(rows, compression="zstd", use_dictionary=False),
        written(rows, compression="gzip", data_page_version="2.0", write_page_index=True),
        written(plain, group_size=2, compression="none"),
        # Short as it is, it has two hundred thousand rows.
        written(same, compression="zstd"),
    )


def _made_table(chance: Random) -> bytes:
    body = chance.choice(_tables())
    # Where nearly everything is decided.
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little") if chance.random() < 0.7 else 4
    if chance.random() < 0.2:
        return mutated_bytes(chance, body)
    spoilt = bytearray(body)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 10))):
        place = chance.randrange(footer, len(body) - 8)
        spoilt[place] = chance.choice(
            (spoilt[place] ^ (1 << chance.randrange(8)), 0, 0xFF, 0x80, 0x7F, chance.randrange(256))
        )
    return bytes(spoilt)


def _made_index(chance: Random) -> bytes:
    seeds = [each.read_bytes() for each in sorted(INDEXES.glob("*.html"))]
    return mutated_markup(chance, chance.choice(seeds), tokens=_HTML_TOKENS)


TARGETS = (
    *(
        Target.of(
            f"listing-{name}",
            make=lambda chance, seed=seed: mutated_markup(chance, seed, tokens=_XML_TOKENS),
            run=functools.partial(_listing, url=url, source=source),
            allowed=OF_READERS,
        )
        for name, url, source, seed in (
            ("s3", "s3://bucket/", {"kind": "s3", "region": "r-1"}, _S3),
            ("azure", "az://account/container/", {"kind": "azure", "accounts": ["account"]}, _AZURE),
        )
    ),
    Target.of("http-index", make=_made_index, run=_http_index, allowed=OF_READERS),
    Target.of("geoparquet", make=_made_table, run=_geoparquet, allowed=OF_READERS),
    Target.of(
        "manifest",
        make=lambda chance: mutated_bytes(chance, chance.choice(MANIFESTS), tokens=_LINE_TOKENS),
        run=_manifest,
        allowed=OF_READERS,
    ),
)
