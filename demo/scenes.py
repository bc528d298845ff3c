"""The scenes of the demo's dataset: how many, how large, where and when."""

import dataclasses
import datetime as dt
import enum
import random

from demo.rasters import DEGREES, Corner

COLLECTION = "demo-scenes"

_FIRST = dt.datetime(2024, 1, 3, 10, 20, tzinfo=dt.UTC)
_EVERY = dt.timedelta(days=3, minutes=7)
_SMALLEST, _MEDIUM = 20_000, 500_000


class Scale(enum.StrEnum):
    """How much is made."""

    #: For tests: about twenty assets.
    SMALL = "small"
    #: More than three hundred assets, nearly 400 MB.
    FULL = "full"


#: Scenes of a fixed size, and how many of random small sizes.
_LARGE = {
    Scale.SMALL: (8_000_000, 8_000_000),
    Scale.FULL: (*[64_000_000] * 4, *[8_000_000] * 8, *[2_000_000] * 18),
}
_OTHERS = {Scale.SMALL: 5, Scale.FULL: 70}


class FileKind(enum.StrEnum):
    """The files of a scene, by their asset keys; one of them has to be encoded in a blob's name."""

    IMAGE = "image"
    THUMBNAIL = "thumbnail"
    METADATA = "metadata"
    MASK = "quality mask"

    @property
    def file(self) -> str:
        """The file's name."""
        return _FILES[self][0]

    @property
    def media_type(self) -> str:
        """What the catalog says it is."""
        return _FILES[self][1]

    @property
    def role(self) -> str:
        """What the catalog says it is for."""
        return _FILES[self][2]


_GEOTIFF = "image/tiff; application=geotiff"
_FILES = {
    FileKind.IMAGE: ("image.tif", _GEOTIFF, "data"),
    FileKind.THUMBNAIL: ("thumbnail.png", "image/png", "thumbnail"),
    FileKind.METADATA: ("metadata.json", "application/json", "metadata"),
    FileKind.MASK: ("mask.tif", _GEOTIFF, "data"),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One item of the catalog to be."""

    number: int
    id: str
    at: dt.datetime
    corner: Corner
    #: Bytes of its image, about.
    image_bytes: int

    @property
    def item(self) -> str:
        """What the ledger calls it."""
        return f"{COLLECTION}/{self.id}"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, north = self.corner.west, self.corner.north
        return west, north - DEGREES, west + DEGREES, north

    @property
    def names_time(self) -> bool:
        """Whether it has one time; every tenth has an interval."""
        return self.number % 10 != 9  # noqa: PLR2004 - the last of ten

    @property
    def has_mask(self) -> bool:
        """Whether there is a mask for it; every fifth has one."""
        return self.number % 5 == 2  # noqa: PLR2004 - the third of five


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SceneFile:
    """A file of a scene, as it is on the disk."""

    scene: Scene
    kind: FileKind
    #: Bytes.
    size: int
    #: Hex.
    sha256: str


def planned(scale: Scale, *, seed: int) -> tuple[Scene, ...]:
    """The scenes in the catalog's order, the largest two next to each other in the middle: there the worker dies."""
    chance = random.Random(seed)
    sizes = [*_LARGE[scale][2:], *(chance.randrange(_SMALLEST, _MEDIUM) for _ in range(_OTHERS[scale]))]
    chance.shuffle(sizes)
    middle = len(sizes) // 2
    sizes[middle:middle] = _LARGE[scale][:2]
    return tuple(_scene(number, size, chance=chance) for number, size in enumerate(sizes))


def _scene(number: int, size: int, *, chance: random.Random) -> Scene:
    corner = Corner(west=round(chance.uniform(5, 14), 3), north=round(chance.uniform(44, 54), 3))
    at = _FIRST + number * _EVERY
    return Scene(number=number, id=f"S2_{at:%Y%m%dT%H%M}_{number:03}", at=at, corner=corner, image_bytes=size)
