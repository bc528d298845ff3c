from typing import Any

import pytest
from pydantic import ValidationError

from shared.catalogs.http_index import HttpIndexCatalog
from shared.catalogs.static_stac import StaticStacCatalog
from shared.model.documents import item_name
from tests.unit.model.builders import dataset

_STATIC = {"kind": "static_stac", "url": "https://stac.example.org/catalog.json"}
_INDEX = {"kind": "http_index", "url": "https://data.example.org/pub/"}


def test_defaults() -> None:
    """An address suffices; blobs and items are called by what every asset of such a catalog has."""
    static, index = dataset(catalog=_STATIC, publish={}), dataset(catalog=_INDEX, publish={})

    assert static.catalog == StaticStacCatalog(kind="static_stac", url=_STATIC["url"], page_size=100)
    assert index.catalog == HttpIndexCatalog(
        kind="http_index", url=_INDEX["url"], patterns=("*",), exclude=(), item="asset", page_size=1000
    )
    assert (static.template, static.item_template) == ("{dataset}/{item}/{key}/{file}", "{dataset}/items/{item}.json")
    assert (index.template, index.item_template) == ("{dataset}/{host}/{path}", "{dataset}/items/{item}.json")


def test_names_of_items_with_a_collection() -> None:
    """What a static STAC's item is called is taken apart as any STAC item's is."""
    defined = dataset(catalog=_STATIC, publish={"name": "{collection}/{id}.json"})

    assert item_name("s2/T32", dataset_name="scenes", dataset=defined) == "s2/T32.json"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"catalog": {**_STATIC, "url": "file:catalog.json"}}, "url"),
        ({"catalog": {**_STATIC, "url": "https://stac.example.net/catalog.json"}}, "'stac.example.net' isn't allowed"),
        ({"catalog": {**_STATIC, "page_size": 1001}}, "less than or equal to 1000"),
        ({"catalog": {**_INDEX, "url": "https://data.example.org/pub"}}, "url"),
        ({"catalog": {**_INDEX, "url": "https://data.example.org/?dir=pub/"}}, "url"),
        ({"catalog": {**_INDEX, "patterns": []}}, "at least 1 item"),
        ({"catalog": {**_INDEX, "exclude": [""]}}, "at least 1 character"),
        ({"catalog": {**_INDEX, "item": "directory"}}, "'asset' or 'folder'"),
        ({"catalog": {**_INDEX, "depth": 3}}, "Extra inputs"),
        *(
            ({"catalog": each, "schedule": "15 3 * * *", "incremental": {}}, f"{each['kind']} can't be asked for what")
            for each in (_STATIC, _INDEX)
        ),
    ],
)
def test_what_is_refused(parts: dict[str, Any], said: str) -> None:
    """What can't be read is refused when the file is: another scheme, no directory, what is new without a query."""
    with pytest.raises(ValidationError, match=said):
        dataset(**parts)
