"""The demo's dataset: real files, the STAC catalog that lists them, and what has to become of them.

Every scene has an image, a thumbnail and a metadata file; every fifth a mask.
"""

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from demo.expected import Expected, ExpectedAsset, Misfit
from demo.rasters import BANDS, Pixels, noise, write_geotiff, write_thumbnail
from demo.scenes import COLLECTION, FileKind, Scale, Scene, SceneFile, planned
from demo.stac import LOST_KEY, LOST_SCENE, WRONG_KEY, WRONG_SCENE, collection, item_collection

DATASET = "demo"
CONTAINER = "assets"
FILES = "files"
ITEMS = "items.json"
COLLECTION_FILE = "collection.json"
EXPECTED = "expected.json"

_MASK_BYTES = 20_000
#: A file that changed within the last minute has no strong Last-Modified (RFC 9110, 8.8.2.2).
_MODIFIED = dt.datetime(2024, 6, 1, 12, 0, tzinfo=dt.UTC)


def generate(directory: Path, *, scale: Scale, seed: int, files_url: str) -> Expected:
    """Make the dataset in ``directory`` and write down what has to become of it; the same arguments, the same bytes.

    ``files_url`` is where the folder FILES will be served.
    """
    pixels = noise(seed)
    scenes = planned(scale, seed=seed)
    files = [file for scene in scenes for file in _files(directory / FILES, scene=scene, pixels=pixels)]
    _write(directory / COLLECTION_FILE, collection(scenes))
    _write(directory / ITEMS, item_collection(scenes, files, files_url=files_url))
    expected = _expected(scenes, files)
    expected.save(directory / EXPECTED)
    return expected


def _files(root: Path, *, scene: Scene, pixels: Pixels) -> Iterator[SceneFile]:
    directory = root / scene.id
    directory.mkdir(parents=True)
    for kind in FileKind:
        if kind is FileKind.MASK and not scene.has_mask:
            continue
        path = directory / kind.file
        _make(path, kind=kind, scene=scene, pixels=pixels)
        os.utime(path, (_MODIFIED.timestamp(), _MODIFIED.timestamp()))
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        yield SceneFile(scene=scene, kind=kind, size=path.stat().st_size, sha256=sha256)


def _make(path: Path, *, kind: FileKind, scene: Scene, pixels: Pixels) -> None:
    match kind:
        case FileKind.THUMBNAIL:
            write_thumbnail(path, pixels=pixels, number=scene.number)
        case FileKind.METADATA:
            _write(path, _metadata(scene))
        case FileKind.IMAGE | FileKind.MASK:
            size = scene.image_bytes if kind is FileKind.IMAGE else _MASK_BYTES
            write_geotiff(path, size_bytes=size, corner=scene.corner, pixels=pixels, number=scene.number)


def _metadata(scene: Scene) -> dict[str, Any]:
    return {
        "scene": scene.id,
        "sensed": scene.at.isoformat(),
        "bands": BANDS,
        "box": scene.box,
        "sun": scene.number % 60,
    }


def _expected(scenes: tuple[Scene, ...], files: list[SceneFile]) -> Expected:
    # The wrong one's href is the thumbnail's: only what the catalog says of it is wrong.
    return Expected(
        dataset=DATASET,
        container=CONTAINER,
        items=len(scenes),
        assets=tuple(
            ExpectedAsset(
                item=each.scene.item, key=each.kind.value, blob=_blob(each), size=each.size, sha256=each.sha256
            )
            for each in files
        ),
        misfits=(
            Misfit(item=scenes[LOST_SCENE].item, key=LOST_KEY, error="AssetNotFoundError"),
            Misfit(item=scenes[WRONG_SCENE].item, key=WRONG_KEY, error="ChecksumMismatchError"),
        ),
    )


def _blob(file: SceneFile) -> str:
    """What the sample's template {collection}/{year}/{month}/{id}/{key}/{file} comes to."""
    at = file.scene.at
    return f"{COLLECTION}/{at:%Y}/{at:%m}/{file.scene.id}/{quote(file.kind, safe='')}/{file.kind.file}"


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
