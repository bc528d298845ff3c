"""What servers of catalogs say beside a page, and tokens that come in messages."""

import json
from random import Random
from typing import Any

from shared.catalogs.http_index import HttpIndex, HttpIndexCatalog
from shared.catalogs.reader import CatalogReader
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.catalogs.static_stac import StaticStac, StaticStacCatalog
from shared.model.datasets import Selection
from shared.model.errors import MalformedRequestError
from shared.model.windows import Window
from tests.fakes.egress import Answer
from tests.fuzz.mutating import mutated_headers, mutated_json, unwired, wire
from tests.fuzz.nasty import TIMES
from tests.fuzz.target import Target
from tests.fuzz.targets.catalogs import CATALOG, PAGE, ROOT
from tests.fuzz.targets.harness import ALLOW, OF_READERS, StrictEgress, serving
from tests.fuzz.targets.lists import INDEXES, LIST, MANIFESTS, TOP, listed, table_of

_HEADS = {
    "Content-Type": "text/html; charset=utf-8",
    "ETag": '"1"',
    "Last-Modified": "Sat, 01 Jun 2024 12:00:00 GMT",
    "Date": "Sat, 01 Jun 2024 13:00:00 GMT",
    "Content-Length": "9",
    "Content-Range": "bytes 0-8/9",
    "Retry-After": "5",
}
_RANGES = (
    *(
        "bytes 0-8/9",
        "bytes 0-3/64",
        "bytes 5-4/9",
        "bytes 0-8/*",
        "bytes */9",
        "bytes 0-8/99999999999999999999",
        "bytes",
    ),
    *(
        "bytes 0-9223372036854775807/9223372036854775808",
        "bytes -1-8/9",
        "items 0-8/9",
        "bytes 0-8/0",
        "bytes 00-08/09",
    ),
)


async def _heads(case: bytes) -> None:
    """Each kind is answered with these headers and these bytes."""
    headers, body = unwired(case)
    status = int(headers.get("Status", "200")) if headers.get("Status", "200") in _STATUSES else 200
    answer = Answer(status=status, headers=headers, chunks=(body,))
    readers = _readers(StrictEgress(lambda _: answer))
    await readers[len(case) % len(readers)].page(None, window=Window())


_STATUSES = {
    "200",
    "202",
    "204",
    "206",
    "301",
    "304",
    "400",
    "401",
    "403",
    "404",
    "410",
    "412",
    "416",
    "429",
    "500",
    "503",
}


def _readers(http: StrictEgress) -> list[CatalogReader]:
    return [
        StacSearch(
            StacCatalog(kind="stac", url="https://stac.example.org/v1"), allow=ALLOW, http=http, select=Selection()
        ),
        StaticStac(StaticStacCatalog(kind="static_stac", url=ROOT), allow=ALLOW, http=http),
        HttpIndex(HttpIndexCatalog(kind="http_index", url=TOP), allow=ALLOW, http=http),
        listed(http),
        table_of(http),
    ]


async def _tokens(case: bytes) -> None:
    """A token comes in a message, which anybody may have written."""
    token = case.decode("utf-8", "replace")
    bodies = {ROOT: json.dumps(CATALOG).encode(), TOP: (INDEXES / "nginx.html").read_bytes(), LIST: MANIFESTS[1]}
    http = serving(lambda asked: bodies.get(asked.url, json.dumps(PAGE).encode() if "search" in asked.url else None))
    readers = _readers(http)
    await readers[len(case) % len(readers)].page(token, window=Window())


_TOKENS: tuple[Any, ...] = (
    {"href": "https://stac.example.org/v1/search", "method": "POST", "headers": {"a": "b"}, "body": {"token": "2"}},
    {
        "way": [
            {"done": 1, "digest": "0" * 16},
            {"address": "https://stac.example.org/v1/s2/c.json", "done": 1, "digest": ""},
        ]
    },
    {"offset": 5, "line": 2, "version": "1", "layout": {"format": "csv", "columns": ["url", "size"]}},
    {"url": "s3://bucket/", "prefix": "a/", "following": "1"},
    {"group": 0, "row": 3, "version": '"1"'},
)


def _made_heads(chance: Random) -> bytes:
    headers = {**_HEADS, "Status": chance.choice(sorted(_STATUSES))}
    body = chance.choice(
        (b"", b"PAR1" + bytes(56) + b"PAR1", b"{}", b"<a href='a'>", b"url\nhttps://data.example.org/a\n")
    )
    return wire(mutated_headers(chance, headers, values=(*_RANGES, *TIMES, '"1"', 'W/"1"', "text/html", "0")), body)


TARGETS = (
    Target.of("catalog-answers", make=_made_heads, run=_heads, allowed=OF_READERS),
    Target.of(
        "catalog-tokens",
        make=lambda chance: mutated_json(chance, chance.choice(_TOKENS)),
        run=_tokens,
        allowed=(*OF_READERS, MalformedRequestError),
    ),
)
