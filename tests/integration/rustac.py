"""A STAC API that isn't ours, with the items of a test: ``rustac serve``."""

import contextlib
import json
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from demo.processes import free_ports, running
from shared.catalogs.stac import StacCatalog, StacSearch
from shared.egress import Egress
from shared.model.datasets import Allowlist, Selection

_COLLECTION: dict[str, Any] = {
    "type": "Collection",
    "stac_version": "1.1.0",
    "id": "scenes",
    "description": "Thirty days of January.",
    "license": "CC0-1.0",
    "extent": {
        "spatial": {"bbox": [[0, 1, 30, 2]]},
        "temporal": {"interval": [["2024-01-01T00:00:00Z", "2024-01-30T00:00:00Z"]]},
    },
    "links": [],
}


@contextlib.contextmanager
def rustac(features: Sequence[dict[str, Any]], *, directory: Path) -> Generator[int]:
    """Serve features of the collection ``scenes`` until the block ends; enter with the port."""
    (directory / "collection.json").write_text(json.dumps(_COLLECTION), encoding="utf-8")
    items = json.dumps({"type": "FeatureCollection", "features": features})
    (directory / "items.json").write_text(items, encoding="utf-8")
    (port,) = free_ports(1)
    command = [str(Path(sys.executable).with_name("rustac")), "serve", "--addr", f"127.0.0.1:{port}"]
    command += ["collection.json", "items.json"]
    with running(command, log=directory / "rustac.log", ports=(port,), directory=directory):
        yield port


def feature(number: int, **members: Any) -> dict[str, Any]:
    """The item of one day of January, with one asset."""
    west, east = number, number + 1
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"scene-{number:02}",
        "collection": "scenes",
        "geometry": {"type": "Polygon", "coordinates": [[[west, 1], [east, 1], [east, 2], [west, 2], [west, 1]]]},
        "bbox": [west, 1, east, 2],
        "properties": {"datetime": f"2024-01-{number + 1:02}T00:00:00Z"},
        "links": [],
        "assets": {
            "image": {
                "href": f"./scene-{number:02}.tif",
                "type": "image/tiff",
                "file:size": number + 1,
                "file:checksum": "d50110" + "0" * 32,
            }
        },
        **members,
    }


def allowed(port: int) -> Allowlist:
    """The way to such an API, and to nothing else."""
    return Allowlist(hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(port,), private_networks=("127.0.0.0/8",))


def searching(port: int, egress: Egress, **catalog: Any) -> StacSearch:
    """The catalog that such an API is."""
    stac = StacCatalog.model_validate({"kind": "stac", "url": f"http://127.0.0.1:{port}", **catalog})
    return StacSearch(stac, allow=allowed(port), http=egress, select=Selection())
