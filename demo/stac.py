"""The STAC documents of the demo's scenes.

Most assets state size and checksum, as the file extension has them (https://github.com/stac-extensions/file): a
checksum is a multihash in hex. Two misfits can't be copied.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from demo.scenes import COLLECTION, FileKind, Scene, SceneFile

#: The scenes of the two misfits: both have small files that stand in one request with them.
LOST_SCENE, WRONG_SCENE = 0, 1
LOST_KEY, WRONG_KEY = "lost", "wrong"

_FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_SHA256_MULTIHASH = "1220"
_VERSIONS = ("1.0.0", "1.1.0")


def collection(scenes: Sequence[Scene]) -> dict[str, Any]:
    """The collection."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": COLLECTION,
        "title": "Scenes that were made up for the demo",
        "description": "Noise in real formats.",
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [_around(scenes)]},
            "temporal": {"interval": [[_text(scenes[0].at), _text(scenes[-1].at)]]},
        },
        "links": [],
    }


def item_collection(scenes: Sequence[Scene], files: Sequence[SceneFile], *, files_url: str) -> dict[str, Any]:
    """All items, in the order in which the catalog gives them out; ``files_url`` is where the files are served."""
    items = [_item(scene, [each for each in files if each.scene is scene], files_url=files_url) for scene in scenes]
    return {"type": "FeatureCollection", "features": items}


def _item(scene: Scene, files: Sequence[SceneFile], *, files_url: str) -> dict[str, Any]:
    base = f"{files_url}/{scene.id}"
    assets = {each.kind.value: _asset(each, href=f"{base}/{each.kind.file}") for each in files}
    if scene.number == LOST_SCENE:
        lost = {"href": f"{base}/lost.json", "type": "application/json", "roles": ["metadata"], "file:size": 512}
        assets[LOST_KEY] = lost
    if scene.number == WRONG_SCENE:
        wrong = hashlib.sha256(b"other bytes").hexdigest()
        assets[WRONG_KEY] = assets[FileKind.THUMBNAIL] | {"file:checksum": _SHA256_MULTIHASH + wrong}
    west, south, east, north = scene.box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": _VERSIONS[scene.number % 2],
        "stac_extensions": [_FILE_EXTENSION],
        "id": scene.id,
        "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(scene.box),
        "properties": {**_times(scene), "platform": "demo-1", "gsd": 10},
        "links": [{"rel": "self", "href": f"{base}/item.json", "type": "application/geo+json"}],
        "assets": assets,
    }


def _asset(file: SceneFile, *, href: str) -> dict[str, Any]:
    """Every fourth scene leaves checksums out, every third the size of its metadata."""
    asset: dict[str, Any] = {"href": href, "type": file.kind.media_type, "roles": [file.kind.role]}
    if not (file.kind is FileKind.METADATA and file.scene.number % 3 == 2):  # noqa: PLR2004 - the last of three
        asset["file:size"] = file.size
    if file.scene.number % 4 != 3:  # noqa: PLR2004 - the last of four
        asset["file:checksum"] = _SHA256_MULTIHASH + file.sha256
    return asset


def _times(scene: Scene) -> dict[str, str | None]:
    if scene.names_time:
        return {"datetime": _text(scene.at)}
    end = scene.at + dt.timedelta(minutes=5)
    return {"datetime": None, "start_datetime": _text(scene.at), "end_datetime": _text(end)}


def _around(scenes: Sequence[Scene]) -> list[float]:
    west, south, east, north = zip(*(each.box for each in scenes), strict=True)
    return [min(west), min(south), max(east), max(north)]


def _text(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
