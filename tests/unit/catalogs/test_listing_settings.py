from typing import Any

import pytest
from pydantic import ValidationError

from shared.catalogs.listing import ListingCatalog
from shared.model.datasets import Dataset
from shared.model.hrefs import ObjectAddress
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.selection import plan_page
from tests.unit.model.builders import dataset

_S3 = {"kind": "s3", "region": "us-west-2"}
_NEW: dict[str, Any] = {"schedule": "0 * * * *", "incremental": {}}


def _dataset(url: str = "s3://bucket/a/", source: dict[str, Any] = _S3, **parts: Any) -> Dataset:
    hosts = ["*.s3.us-west-2.amazonaws.com", "storage.googleapis.com", "*.blob.core.windows.net"]
    catalog = {"kind": "listing", "url": url, **parts.pop("catalog", {})}
    return dataset(catalog=catalog, source=source, allow={"hosts": hosts}, **parts)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", ("s3", "bucket", "")),
        ("s3://bucket/", ("s3", "bucket", "")),
        ("gs://my.bucket/a b/c%20", ("gs", "my.bucket", "a b/c%20")),
        ("s3://bucket/a/b/", ("s3", "bucket", "a/b/")),
        ("az://account/container", ("az", "account/container", "")),
        ("az://account/container/a/", ("az", "account/container", "a/")),
    ],
)
def test_place(url: str, place: tuple[str, str, str]) -> None:
    """A listing is of a bucket or a container, or of what begins with a prefix there."""
    scheme, bucket, key = place

    assert ListingCatalog(kind="listing", url=url).place == ObjectAddress(scheme=scheme, bucket=bucket, key=key)


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        ({"url": "https://bucket.s3.amazonaws.com"}, "should match pattern"),
        ({"url": "S3://bucket"}, "should match pattern"),
        ({"url": "s3://"}, "s3://bucket/key"),
        ({"url": "s3://Bucket/a"}, "s3://bucket/key"),
        ({"url": "az://account"}, "az://account/container/key"),
        ({"url": "s3://bucket//"}, "no empty part"),
        ({"url": "s3://bucket/a//"}, "no empty part"),
        ({"url": "s3://bucket/../a"}, "no empty part"),
        ({"url": f"s3://bucket/{'a' * 1025}"}, "1024 bytes"),
        ({"url": "s3://bucket/a?b"}, "can't be asked for"),
        ({"page_size": 1001}, "less than or equal to 1000"),
        ({"page_size": 0}, "greater than or equal to 1"),
        ({"patterns": []}, "at least 1 item"),
        ({"item": "(a"}, r"asset, folder, or a regular expression \(missing \)"),
        ({"item": "a"}, "with one group"),
        ({"item": "(a)(b)"}, "with one group"),
        ({"item": f"({'a' * 500})"}, "with one group"),
    ],
)
def test_unfit(catalog: dict[str, Any], said: str) -> None:
    """What can't be listed is refused when the dataset is read."""
    with pytest.raises(ValidationError, match=said):
        ListingCatalog.model_validate({"kind": "listing", "url": "s3://bucket", **catalog})


def test_other_schemes() -> None:
    """An address of no object store has no prefix."""
    with pytest.raises(ValueError, match="neither s3:// nor gs:// nor az://"):
        ObjectAddress.read_prefix("https://bucket/a")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"source": {"kind": "none"}}, "the catalog lists s3://; a source of that kind has to be stated"),
        ({"url": "gs://bucket"}, "the catalog lists gs://"),
        (
            {"url": "az://mine/con", "source": {"kind": "azure", "accounts": ["other"]}},
            "the catalog's account 'mine' isn't in the source's accounts",
        ),
        ({"publish": {}, "catalog": {"item": "folder"}}, "publish: assets of one item may stand on several pages"),
        ({**_NEW, "incremental": {"property": "created"}}, "the time of modification alone"),
        ({"catalog": {"patterns": ["b/*", "ab"]}}, "patterns: none is of keys that begin with 'a/', as its url has it"),
        ({"incremental": {}}, "its runs begin by a schedule"),
    ],
)
def test_what_cant_be(parts: dict[str, Any], said: str) -> None:
    """A listing has to be one that its dataset can ask for."""
    with pytest.raises(ValidationError, match=said):
        _dataset(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        _NEW,
        {"publish": {}},
        {"url": "az://mine/con", "source": {"kind": "azure", "accounts": ["mine"]}},
        {"url": "gs://bucket", "source": {"kind": "gs"}},
    ],
)
def test_what_can_be(parts: dict[str, Any]) -> None:
    """A listing of any of the stores, also by what is new."""
    assert _dataset(**parts).catalog.kind == "listing"


def test_names() -> None:
    """A blob is named after bucket and key, whatever is in the key."""
    described = _dataset()
    hrefs = ("s3://bucket/a/b c%20.tif", "s3://bucket/a%2Fb")
    page = Page(
        items=tuple(
            CatalogItem(item=each, id=each, assets=(CatalogAsset(key=each, href=each, size=1),)) for each in hrefs
        ),
        next_token=None,
    )

    planned, refused = plan_page(page, dataset_name="x", dataset=described, capacity=9)

    names = [asset.name for item in planned.items for asset in item.assets]
    assert (names, refused) == (["x/bucket/a/b%20c%2520.tif", "x/bucket/a%252Fb"], ())
    assert described.item_template == "{dataset}/items/{item}.json"


@pytest.mark.parametrize(
    ("url", "patterns", "prefixes"),
    [
        ("s3://bucket", ["*"], ("",)),
        ("s3://bucket/a/", ["*.tif"], ("a/",)),
        ("s3://bucket", ["2024/*", "2023/0?/*.tif", "2024/06/*"], ("2023/0", "2024/")),
        ("s3://bucket/a/", ["a/b/*", "b/*", "a"], ("a/",)),
        ("s3://bucket/a/", ["a/b/*", "b/*", "a/[1].tif"], ("a/[1].tif", "a/b/")),
        ("s3://bucket", ["a/*", "*/b"], ("",)),
        ("s3://bucket", ["é" * 2000], ("é" * 1024,)),
    ],
)
def test_prefixes(url: str, patterns: list[str], prefixes: tuple[str, ...]) -> None:
    """What is listed is what patterns begin with, below the url's own prefix, each once."""
    assert ListingCatalog.model_validate({"kind": "listing", "url": url, "patterns": patterns}).prefixes == prefixes
