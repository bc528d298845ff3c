"""Whatever a catalog answers, no parser's own error gets out of its reader."""

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from typing import get_args

import pytest
from pytest_mock import MockerFixture

from shared.catalogs.geoparquet import GeoparquetCatalog
from shared.catalogs.kind import CatalogKind
from shared.catalogs.kinds import KINDS, reader_of
from shared.catalogs.listing import ListingCatalog
from shared.catalogs.parquet_bytes import RangedFile
from shared.catalogs.parquet_footer import read_footer
from shared.catalogs.parquet_rows import read_rows
from shared.model.datasets import Dataset
from shared.model.errors import MalformedCatalogError, SluiceError
from shared.model.hrefs import ObjectAddress
from shared.model.items import Page
from shared.model.windows import Window
from shared.sources.signing import Signed
from tests.fakes.egress import Answer, FakeEgress
from tests.fakes.tables import MemoryFile, pa, written
from tests.fakes.ways import ways
from tests.unit.model.builders import dataset

_URL = "https://data.example.org/list/"
_S3 = "s3://bucket/"

#: By what a parser fails at it.
_BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "JSONDecodeError": b"{",
    "UnicodeDecodeError": b"\xff\xfe\xfd{",
    "a constant that is no JSON": b'{"type": NaN}',
    "RecursionError": b"[" * 100_000,
    "an integer of too many digits": b'{"type": %s}' % (b"1" * 10_000),
    "a document of another kind": b"7",
    "ValidationError": b'{"type": "FeatureCollection", "features": [{"id": 7, "assets": 7}], "links": 7}',
    "ParseError": b"<ListBucketResult><",
    "XML in XML": b"<a>" * 100_000,
    "csv.Error": b'url,size\n"https://data.example.org/a,1',
    "a declaration of HTML": b"<!DOCTYPE html><![if a]><a href='https://[a'>",
    "no Parquet": b"PAR1" * 4,
}


def _errors_of_arrow() -> Iterator[type[Exception]]:
    """All public errors of pyarrow; OSError is among them, by another name."""
    for name, each in vars(importlib.import_module("pyarrow")).items():
        if isinstance(each, type) and issubclass(each, Exception) and not name.startswith("_"):
            yield each


_OF_ARROW = sorted(set(_errors_of_arrow()), key=lambda each: each.__name__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
async def test_bodies_that_no_parser_reads(kind: type[CatalogKind]) -> None:
    """Each is a page of what can be read of it, or one error of ours."""
    outcomes = {name: await _outcome(kind, body) for name, body in _BODIES.items()}

    assert {name: each for name, each in outcomes.items() if each not in {Page, MalformedCatalogError}} == {}


async def test_errors_of_arrow_in_a_footer(mocker: MockerFixture) -> None:
    """Each public error of pyarrow says that the file can't be read."""
    file = await RangedFile.opened("file:a.parquet", MemoryFile(written([{"id": "a"}])).part, version=None)
    opened = mocker.patch.object(pa.parquet, "ParquetFile")
    raised: dict[type[Exception], type[Exception]] = {}
    for error in _OF_ARROW:
        opened.side_effect = error("failed")
        with pytest.raises(SluiceError) as caught:
            await read_footer(file)
        raised[error] = caught.type

    assert raised == dict.fromkeys(_OF_ARROW, MalformedCatalogError)


async def test_errors_of_arrow_in_rows(mocker: MockerFixture) -> None:
    """The same where rows are read."""
    file = await RangedFile.opened("file:a.parquet", MemoryFile(written([{"id": "a"}])).part, version=None)
    footer = await read_footer(file)
    opened = mocker.patch.object(pa.parquet, "ParquetFile")
    raised: dict[type[Exception], type[Exception]] = {}
    for error in _OF_ARROW:
        opened.side_effect = error("failed")
        with pytest.raises(SluiceError) as caught:
            list(await read_rows(file, footer, group=0, leaves=list(footer.leaves.values()), first=0))
        raised[error] = caught.type

    assert raised == dict.fromkeys(_OF_ARROW, MalformedCatalogError)


def test_which_errors_arrow_has() -> None:
    """What is asked about above is found in the library: what a later version adds is asked about, too."""
    assert {pa.ArrowInvalid, pa.ArrowMemoryError, pa.ArrowNotImplementedError, OSError} < {*_OF_ARROW}


async def _outcome(kind: type[CatalogKind], body: bytes) -> type[object]:
    (name,) = get_args(kind.model_fields["kind"].annotation)
    is_listing = kind is ListingCatalog
    of = dataset(
        catalog={"kind": name, "url": _S3 if is_listing else _URL},
        allow={"hosts": ["*.example.org", "*.s3.r-1.amazonaws.com"]},
        **({"source": {"kind": "s3", "region": "r-1"}} if is_listing else {}),
    )
    headers = {"Content-Type": "text/html", "ETag": '"1"', "Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}"}
    status = 206 if kind is GeoparquetCatalog else 200
    http = FakeEgress(lambda _: Answer(status=status, headers=headers, chunks=(body,)))
    try:
        return type(await reader_of(of, dataclasses.replace(ways(http), sign=_sign)).page(None, window=Window()))
    except Exception as error:  # noqa: BLE001 - which it is, is asked
        return type(error)


async def _sign(_: ObjectAddress, /, *, query: Mapping[str, str], dataset: Dataset) -> Signed:
    assert query
    assert dataset
    return Signed(url=_URL, headers={}, forget=lambda: None)
