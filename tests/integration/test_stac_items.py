"""Single items of a STAC API that isn't ours, and what becomes of an asset that it describes otherwise than before."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.copying import Describing
from shared.copying.job import Job
from shared.egress import Egress
from shared.model.assets import Asset
from shared.model.errors import SourceUnavailableError
from shared.model.windows import Window
from tests.integration.rustac import allowed, feature, rustac, searching
from tests.unit.model.builders import asset, dataset

_ODD = ("a/b", "é & ?#%2F", "a b+c", "..%2F..")
_NOW = datetime(2024, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """Where the API listens; some of its items have names that an address has to quote."""
    features = [feature(0), *(feature(number, id=name) for number, name in enumerate(_ODD, start=1))]
    with rustac(features, directory=tmp_path_factory.mktemp("rustac")) as port:
        yield port


async def test_items_by_name(port: int, egress: Egress) -> None:
    """Each item of a page can be asked for by its name, whatever stands in that, and is the same."""
    search = searching(port, egress)
    page = await search.page(None, window=Window())

    found = [await search.item(each.item) for each in page.items]

    assert found == list(page.items)
    assert {each.id for each in page.items} == {"scene-00", *_ODD}


@pytest.mark.parametrize("name", ["scenes/scene-99", "others/scene-00", "scene-00", "scenes/.."])
async def test_absent_item(port: int, egress: Egress, name: str) -> None:
    """An item that isn't there is None."""
    assert await searching(port, egress).item(name) is None


async def test_an_asset_is_described_anew(port: int, egress: Egress) -> None:
    """As the catalog's page would have it asked for now, with what was asked for beside it."""
    old = _asset(port, checksum="md5:" + "1" * 32, size=5)
    job = _job(port, old)

    described = await Describing(lambda _: searching(port, egress)).again(job)

    fresh = _asset(port, checksum="md5:" + "0" * 32, size=1, media_type="image/tiff")
    assert (described.asset, described.instead_of) == (fresh, old.description)


async def test_a_catalog_that_is_gone(port: int, egress: Egress, unused_tcp_port: int) -> None:
    """Nobody listens there: the asset stays as it was described."""
    job, search = _job(port, _asset(port)), searching(unused_tcp_port, egress)

    described = await Describing(lambda _: search).again(job)

    assert described is job
    with pytest.raises(SourceUnavailableError):
        await search.item(job.asset.item)


def _asset(port: int, **values: Any) -> Asset:
    given = {
        "item": "scenes/scene-00",
        "key": "image",
        "href": f"http://127.0.0.1:{port}/collections/scenes/items/scene-00.tif",
        "name": "s2/scenes/scene-00/image/scene-00.tif",
    }
    return asset(**{**given, **values})


def _job(port: int, each: Asset) -> Job:
    return Job(
        dataset_name="s2",
        dataset=dataset(catalog={"kind": "stac", "url": f"http://127.0.0.1:{port}"}, allow=allowed(port)),
        asset=each,
        cause="run-1",
        asked_at=_NOW,
        entry=None,
        deadline=_NOW + timedelta(minutes=20),
    )
