"""Files as they are found in Earth observation: GeoTIFFs with several bands, PNG thumbnails."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

BANDS = 4
#: The length of a scene's side.
DEGREES = 0.5

type Pixels = npt.NDArray[np.uint16]

_NOISE_PIXELS = 4 * 1024 * 1024
_BYTES_A_PIXEL = 2
# https://docs.ogc.org/is/19-008r4/19-008r4.html
_MODEL_PIXEL_SCALE, _MODEL_TIEPOINT, _GEO_KEY_DIRECTORY = 33550, 33922, 34735
# Version 1.1.0, three keys: GTModelType = geographic, GTRasterType = pixel is area, GeodeticCRS = EPSG:4326.
_GEO_KEYS = (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Corner:
    """A scene's north-western corner, in degrees."""

    west: float
    north: float


def noise(seed: int) -> Pixels:
    """Pixels that don't compress, from which all rasters are made: making new ones for each would take minutes."""
    return np.random.default_rng(seed).integers(0, 1 << 16, _NOISE_PIXELS, dtype=np.uint16)


def write_geotiff(path: Path, *, size_bytes: int, corner: Corner, pixels: Pixels, number: int) -> None:
    """Write an uncompressed GeoTIFF of about that size; the same arguments give the same bytes."""
    side = math.isqrt(size_bytes // (BANDS * _BYTES_A_PIXEL))
    raster = np.resize(pixels, (BANDS, side, side)) ^ np.uint16(number)
    tifffile.imwrite(
        path,
        raster,
        photometric="minisblack",
        planarconfig="separate",
        metadata=None,
        software="demo",
        extratags=_georeference(corner, side=side),
    )


def write_thumbnail(path: Path, *, pixels: Pixels, number: int, side: int = 96) -> None:
    """Write a small PNG with colours."""
    start = number * 101
    samples = pixels[start : start + 3 * side * side].reshape(side, side, 3)
    Image.fromarray((samples >> 8).astype(np.uint8)).save(path, format="PNG")


def _georeference(corner: Corner, *, side: int) -> list[tuple[Any, ...]]:
    step = DEGREES / side
    return [
        (_MODEL_PIXEL_SCALE, "d", 3, (step, step, 0.0)),
        (_MODEL_TIEPOINT, "d", 6, (0.0, 0.0, 0.0, corner.west, corner.north, 0.0)),
        (_GEO_KEY_DIRECTORY, "H", len(_GEO_KEYS), _GEO_KEYS),
    ]
