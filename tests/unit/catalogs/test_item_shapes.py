"""Items as well-known catalogs write them, made short, from a search to what is asked for."""

import json
from typing import Any

import pytest

from shared.catalogs.stac import StacCatalog, StacSearch
from shared.model.datasets import Allowlist, Dataset, Selection
from shared.model.items import PlannedPage, Refusal
from shared.model.selection import plan_page
from shared.model.windows import Window
from tests.fakes.egress import Answer, FakeEgress

_CATALOG = StacCatalog(kind="stac", url="https://stac.example.org/v1")
_ALLOW = Allowlist(hosts=("*.example.org",))
_DEFAULT = "{dataset}/{collection}/{id}/{key}/{file}"
_BY_ITEM = "{item}/{key}/{file}"
_SHA512, _MD5 = "ab" * 64, "cd" * 16

#: Absolute addresses with others beside them, checksums in SHA-512, a page of HTML, a media type of the catalog's own.
_LANDSAT = {
    "id": "LM01_001010_T2",
    "collection": "landsat-c2l1",
    "bbox": [179.9, 60.4, -179.1, 62.5],
    "properties": {"datetime": "1972-09-08T13:43:34.091000Z", "created": "2021-01-01T00:00:00Z"},
    "links": [{"rel": "self", "href": "https://data.example.org/T2//LM01_T2_stac.json"}],
    "assets": {
        "index": {"href": "https://data.example.org/browser/LM01_T2", "type": "text/html"},
        "MTL.txt": {
            "href": "https://data.example.org/T2/LM01_MTL.txt",
            "type": "text/plain",
            "file:checksum": f"1340{_SHA512}",
            "alternate": {"s3": {"href": "s3://landsat/LM01_MTL.txt", "storage:requester_pays": True}},
        },
        "red": {
            "href": "https://data.example.org/T2/LM01_B5.TIF",
            "type": "image/vnd.stac.geotiff; cloud-optimized=true",
            "file:checksum": f"1340{_SHA512}",
        },
    },
}

#: An interval in place of a time; addresses that climb above the root, without a self link to see them from.
_WORLDCOVER = {
    "id": "N00E006",
    "collection": "esa-worldcover",
    "bbox": [6.0, 0.0, 9.0, 3.0],
    "properties": {
        "datetime": None,
        "start_datetime": "2020-01-01T00:00:00Z",
        "end_datetime": "2020-12-31T23:59:59Z",
        "updated": "2021-10-20T00:00:00Z",
    },
    "links": [{"rel": "collection", "href": "../collection.json"}],
    "assets": {"map": {"href": "../../../maps/N00E006_Map.tif", "type": "image/tiff", "roles": ["data"]}},
}

#: No collection; bare MD5 in place of multihashes; a centre and an interval.
_SENTINEL_3 = {
    "id": "S3A_OL_1_EFR_LN1_O_NR",
    "bbox": [-180.0, 76.7, 180.0, 90.0],
    "properties": {"datetime": "2021-10-21T07:39:49.724590Z", "start_datetime": "2021-10-21T07:38:27.254946Z"},
    "links": [{"rel": "self", "href": "https://stac.example.org/v1/items/S3A"}],
    "assets": {
        "safe-manifest": {
            "href": "S3A____LN1.SEN3/xfdumanifest.xml",
            "type": "application/xml",
            "file:size": 283388,
            "file:checksum": _MD5,
        }
    },
}

#: A digest that can't be computed here (BLAKE2b-128).
_SENTINEL_1 = {
    "id": "S1A_EW_GRDM",
    "properties": {"datetime": "2018-11-03T23:58:55Z"},
    "links": [{"rel": "self", "href": "https://stac.example.org/v1/collections/s1/items/S1A_EW_GRDM"}],
    "assets": {
        "measurement": {
            "href": "./measurement/s1a-001.tiff",
            "type": "image/tiff",
            "file:size": 209715200,
            "file:checksum": "90e40210163700a8a6501eccd00b6d3b44ddaed0",
            "file:header_size": 4096,
        }
    },
}

#: One file in two clouds, one of them without an address of HTTP.
_NAIP = {
    "id": "m_3009743_sw",
    "bbox": [-97.75, 30.25, -97.69, 30.31],
    "properties": {"datetime": "2016-09-28T00:00:00+00:00"},
    "links": [],
    "assets": {
        "GEOTIFF_AZURE_RGBIR": {"href": "https://naip.example.org/v002/m_3009743_sw.tif", "type": "image/tiff"},
        "CO_GEOTIFF_RGB": {"href": "s3://naip-visualization/m_3009743_sw.tif", "type": "image/tiff"},
    },
}

#: Keys for people; older than most calendars.
_STATIONS = {
    "id": "GHCNd",
    "bbox": [-180, -90, 180, 85],
    "properties": {"datetime": "1763-01-01T00:00:00Z", "end_datetime": "1763-12-31T00:00:00Z"},
    "links": [],
    "assets": {"Metadata, Additional": {"href": "https://data.example.org/readme%20by_year.txt", "type": "text/plain"}},
}

#: A box that begins beyond the antimeridian.
_VIIRS = {
    "id": "VNP09A1.A2012017.h00v09",
    "collection": "viirs-09a1-001",
    "bbox": [-182.8, -10.0, -170.0, 0.0],
    "properties": {"datetime": None, "start_datetime": "2012-01-17T00:00:00Z", "end_datetime": "2012-01-24T23:59:59Z"},
    "links": [],
    "assets": {"hdf5": {"href": "VNP09A1.A2012017.h00v09.001.h5", "type": "application/x-hdf5"}},
}


async def _planned(*items: dict[str, Any], name: str, **select: Any) -> tuple[PlannedPage, tuple[Refusal, ...]]:
    body = json.dumps({"type": "FeatureCollection", "features": items, "links": []}).encode()
    search = StacSearch(_CATALOG, allow=_ALLOW, http=FakeEgress(lambda _: Answer(chunks=(body,))), select=Selection())
    dataset = Dataset.model_validate(
        {"catalog": _CATALOG, "allow": _ALLOW, "destination": {"container": "assets", "name": name}, "select": select}
    )
    return plan_page(await search.page(None, window=Window()), dataset_name="demo", dataset=dataset, capacity=24)


@pytest.mark.parametrize(
    ("item", "template", "assets"),
    [
        (
            _LANDSAT,
            _DEFAULT,
            [
                (
                    "demo/landsat-c2l1/LM01_001010_T2/index/LM01_T2",
                    "https://data.example.org/browser/LM01_T2",
                    (None, None, "text/html"),
                ),
                (
                    "demo/landsat-c2l1/LM01_001010_T2/MTL.txt/LM01_MTL.txt",
                    "https://data.example.org/T2/LM01_MTL.txt",
                    (None, f"sha512:{_SHA512}", "text/plain"),
                ),
                (
                    "demo/landsat-c2l1/LM01_001010_T2/red/LM01_B5.TIF",
                    "https://data.example.org/T2/LM01_B5.TIF",
                    (None, f"sha512:{_SHA512}", "image/vnd.stac.geotiff; cloud-optimized=true"),
                ),
            ],
        ),
        (
            _WORLDCOVER,
            "{year}/{month}/{collection}/{id}/{file}",
            [
                (
                    "2020/01/esa-worldcover/N00E006/N00E006_Map.tif",
                    "https://stac.example.org/maps/N00E006_Map.tif",
                    (None, None, "image/tiff"),
                )
            ],
        ),
        (
            _SENTINEL_3,
            _BY_ITEM,
            [
                (
                    "S3A_OL_1_EFR_LN1_O_NR/safe-manifest/xfdumanifest.xml",
                    "https://stac.example.org/v1/items/S3A____LN1.SEN3/xfdumanifest.xml",
                    (283388, f"md5:{_MD5}", "application/xml"),
                )
            ],
        ),
        (
            _SENTINEL_1,
            "{host}/{path}",
            [
                (
                    "stac.example.org/v1/collections/s1/items/measurement/s1a-001.tiff",
                    "https://stac.example.org/v1/collections/s1/items/measurement/s1a-001.tiff",
                    (209715200, None, "image/tiff"),
                )
            ],
        ),
        (
            _STATIONS,
            "{year}-{month}/{item}/{key}/{file}",
            [
                (
                    "1763-01/GHCNd/Metadata,%20Additional/readme%2520by_year.txt",
                    "https://data.example.org/readme%20by_year.txt",
                    (None, None, "text/plain"),
                )
            ],
        ),
        (
            _VIIRS,
            _BY_ITEM,
            [
                (
                    "viirs-09a1-001%2FVNP09A1.A2012017.h00v09/hdf5/VNP09A1.A2012017.h00v09.001.h5",
                    "https://stac.example.org/v1/VNP09A1.A2012017.h00v09.001.h5",
                    (None, None, "application/x-hdf5"),
                )
            ],
        ),
    ],
    ids=["landsat", "worldcover", "sentinel-3", "sentinel-1", "stations", "viirs"],
)
async def test_planned(item: dict[str, Any], template: str, assets: list[tuple[object, ...]]) -> None:
    """Real shapes come through with name, address, size, checksum and media type, and nothing of them is refused."""
    planned, refusals = await _planned(item, name=template)

    found = [asset for each in planned.items for asset in each.assets]
    assert [(each.name, each.href, (each.size, each.checksum, each.media_type)) for each in found] == assets
    assert refusals == ()


async def test_one_of_two_clouds() -> None:
    """An asset without an address of HTTP is refused by its key, unless the dataset leaves it out; the others go on."""
    planned, refusals = await _planned(_NAIP, name=_BY_ITEM)
    chosen, no_refusals = await _planned(_NAIP, name=_BY_ITEM, exclude=["CO_*"])

    assert [each.key for each in planned.items[0].assets] == ["GEOTIFF_AZURE_RGBIR"]
    assert [(each.item, each.key, each.error) for each in refusals] == [
        ("m_3009743_sw", "CO_GEOTIFF_RGB", "UrlRefusedError")
    ]
    assert (chosen.items, no_refusals) == (planned.items, ())


async def test_no_collection() -> None:
    """A name that asks for a collection is none for items without one: each is refused, and says why."""
    planned, refusals = await _planned(_SENTINEL_3, _WORLDCOVER, name=_DEFAULT)

    assert [each.item for each in planned.items] == ["esa-worldcover/N00E006"]
    assert [(each.item, each.error) for each in refusals] == [("S3A_OL_1_EFR_LN1_O_NR", "BadNameError")]
    assert "{collection}" in refusals[0].message


@pytest.mark.parametrize(
    ("select", "items"),
    [
        ({"bbox": [175, -20, 179, 70]}, ["viirs-09a1-001/VNP09A1.A2012017.h00v09"]),
        ({"bbox": [179.5, -20, -179.5, 70]}, ["landsat-c2l1/LM01_001010_T2", "viirs-09a1-001/VNP09A1.A2012017.h00v09"]),
        ({"bbox": [-175, -20, -171, 70]}, ["viirs-09a1-001/VNP09A1.A2012017.h00v09"]),
        ({"bbox": [7, 1, 8, 2]}, ["esa-worldcover/N00E006"]),
        ({"datetime": "2012-01-01/2020-12-31"}, ["esa-worldcover/N00E006", "viirs-09a1-001/VNP09A1.A2012017.h00v09"]),
        ({"datetime": "../1980-01-01"}, ["landsat-c2l1/LM01_001010_T2"]),
        ({"media_types": ["text/*"]}, ["landsat-c2l1/LM01_001010_T2"]),
    ],
)
async def test_selected(select: dict[str, Any], items: list[str]) -> None:
    """Places over the antimeridian, starts of intervals and media types with parameters select real shapes."""
    planned, refusals = await _planned(_LANDSAT, _WORLDCOVER, _VIIRS, name=_DEFAULT, **select)

    assert [each.item for each in planned.items] == items
    assert (planned.available, planned.filtered, planned.refused) == (3, 3 - len(items), 0)
    assert refusals == ()


async def test_times() -> None:
    """An item's time of update is that of its assets, where they have none of their own."""
    planned, _ = await _planned(_WORLDCOVER, _LANDSAT, name=_DEFAULT)

    updated = [asset.updated and asset.updated.isoformat() for each in planned.items for asset in each.assets]
    assert updated == ["2021-10-20T00:00:00+00:00", None, None, None]


async def test_buckets() -> None:
    """An item that lies in a bucket is read with its relative addresses seen from there."""
    item = {
        "id": "T32",
        "collection": "s2",
        "properties": {"datetime": "2024-06-01T00:00:00Z"},
        "links": [{"rel": "self", "href": "s3://bucket/s2/T32/item.json"}],
        "assets": {"B04": {"href": "./B04.tif"}, "B08": {"href": "gs://bucket/B08.tif"}},
    }
    body = json.dumps({"type": "FeatureCollection", "features": [item]}).encode()
    search = StacSearch(
        StacCatalog(kind="stac", url="https://stac.example.org/search"),
        allow=_ALLOW,
        http=FakeEgress(lambda _: Answer(chunks=(body,))),
        select=Selection(),
    )

    page = await search.page(None, window=Window())

    assert [each.href for each in page.items[0].assets] == ["s3://bucket/s2/T32/B04.tif", "gs://bucket/B08.tif"]
