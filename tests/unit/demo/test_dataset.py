import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import tifffile

from demo.dataset import COLLECTION_FILE, EXPECTED, FILES, ITEMS, generate
from demo.expected import Expected
from demo.rasters import Corner, noise, write_geotiff
from demo.scenes import Scale, planned

URL = "http://127.0.0.1:8081"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dataset")
    generate(directory, scale=Scale.SMALL, seed=7, files_url=URL)
    return directory


def read_assets(directory: Path) -> dict[tuple[str, str], dict[str, Any]]:
    items = json.loads((directory / ITEMS).read_text())["features"]
    return {
        (f"{item['collection']}/{item['id']}", key): asset for item in items for key, asset in item["assets"].items()
    }


def test_expected_is_written_down(made: Path) -> None:
    """Size and SHA-256 of every file stand in expected.json, under the identity that the catalog gives it."""
    assets = read_assets(made)

    expected = Expected.load(made / EXPECTED)

    found: dict[str, tuple[int, str]] = {}
    for each in expected.assets:
        body = (made / FILES / assets[each.item, each.key]["href"].removeprefix(f"{URL}/")).read_bytes()
        found[each.blob] = (len(body), hashlib.sha256(body).hexdigest())
    assert found == {each.blob: (each.size, each.sha256) for each in expected.assets}
    assert len(found) == len(expected.assets) >= 20


def test_misfits(made: Path) -> None:
    """One asset of the catalog has no file, one has a wrong checksum, and all others are expected."""
    expected = Expected.load(made / EXPECTED)

    assets = read_assets(made)

    identities = {(each.item, each.key) for each in expected.assets}
    lost, wrong = expected.misfits
    assert (lost.error, wrong.error) == ("AssetNotFoundError", "ChecksumMismatchError")
    assert assets.keys() - identities == {(each.item, each.key) for each in (lost, wrong)}
    assert not (made / FILES / assets[lost.item, lost.key]["href"].removeprefix(f"{URL}/")).exists()
    body = (made / FILES / assets[wrong.item, wrong.key]["href"].removeprefix(f"{URL}/")).read_bytes()
    assert assets[wrong.item, wrong.key]["file:size"] == len(body)
    assert assets[wrong.item, wrong.key]["file:checksum"] != "1220" + hashlib.sha256(body).hexdigest()


def test_some_state_less(made: Path) -> None:
    """Most assets state size and checksum; some leave out the one or the other."""
    assets = read_assets(made).values()

    with_size = sum("file:size" in each for each in assets)
    with_checksum = sum("file:checksum" in each for each in assets)

    assert len(assets) // 2 < with_size < len(assets)
    assert len(assets) // 2 < with_checksum < len(assets)


def test_same_seed(made: Path, tmp_path: Path) -> None:
    """The same seed makes the same bytes."""
    again = generate(tmp_path, scale=Scale.SMALL, seed=7, files_url=URL)

    assert again == Expected.load(made / EXPECTED)
    assert (tmp_path / ITEMS).read_bytes() == (made / ITEMS).read_bytes()
    assert (tmp_path / COLLECTION_FILE).read_bytes() == (made / COLLECTION_FILE).read_bytes()


def test_full_scale() -> None:
    """The full dataset has a hundred scenes, from 20 KB to 64 MB, of 300 to 500 MB together."""
    sizes = [each.image_bytes for each in planned(Scale.FULL, seed=7)]

    assert len(sizes) == 100
    assert 20_000 <= min(sizes) < 100_000
    assert max(sizes) == 64_000_000
    assert 300_000_000 < sum(sizes) < 500_000_000


def test_geotiff(tmp_path: Path) -> None:
    """A raster has four bands and says where it lies."""
    path = tmp_path / "image.tif"

    write_geotiff(path, size_bytes=80_000, corner=Corner(west=8.0, north=47.5), pixels=noise(1), number=3)

    with tifffile.TiffFile(path) as file:
        assert file.series[0].shape == (4, 100, 100)
        assert file.geotiff_metadata is not None
        assert file.geotiff_metadata["ModelTiepoint"] == [0.0, 0.0, 0.0, 8.0, 47.5, 0.0]
        assert file.geotiff_metadata["ModelPixelScale"] == [0.005, 0.005, 0.0]
