"""The bad day's dataset: its files, what is wrong with which, and what each has to become once all is mended."""

import dataclasses
import enum
import hashlib
import random

from demo.expected import Expected, ExpectedAsset

DATASET = "archive"
CONTAINER = "assets"
MANIFEST = "/manifest.csv"

_SEED = 20240611
#: Assets of an item: they travel in one request, and some of them fail without the others.
_ITEM = 4
_TIFF = b"II*\x00"
_SMALL_BYTES = 2_000, 40_000
#: Every so many is large enough to be staged in blocks.
_LARGE_EVERY, _LARGE_BYTES = 50, 3_000_000


class Trouble(enum.StrEnum):
    """What the source does instead of giving a file."""

    #: 404.
    MISSING = "missing"
    #: 403.
    FORBIDDEN = "forbidden"
    #: As many bytes as the manifest says, and one of them is another.
    WRONG = "wrong"
    #: 200, and a page in HTML that says that something is wrong.
    PAGE = "page"
    #: Half of the body, and then nothing.
    HANGING = "hanging"
    #: 429 with Retry-After.
    THROTTLED = "throttled"


#: The error that each of those has to be told as which don't end by themselves.
ERRORS = {
    Trouble.MISSING: "AssetNotFoundError",
    Trouble.FORBIDDEN: "SourceRefusedError",
    Trouble.WRONG: "ChecksumMismatchError",
    Trouble.PAGE: "ContentMismatchError",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much goes wrong, and for how long."""

    assets: int
    missing: int
    wrong: int
    pages: int
    hanging: int
    #: Items, all of whose assets are refused: a folder whose rights were taken away.
    forbidden_items: int
    #: 429 begins after so many answers.
    throttled_after: int
    throttled_seconds: float
    #: Whoever asks for a hanging file within so many seconds after whoever asked for it first waits in vain.
    hanging_seconds: float
    #: For how long it is held before the connection is closed; a client gives up after a minute.
    held_seconds: float
    #: host.json's visibilityTimeout: how long a message waits that failed.
    retry_seconds: int


FULL = Size(
    assets=500,
    missing=10,
    wrong=5,
    pages=5,
    hanging=3,
    forbidden_items=4,
    throttled_after=280,
    throttled_seconds=60,
    hanging_seconds=50,
    held_seconds=300,
    retry_seconds=3,
)
#: For tests.
SMALL = Size(
    assets=60,
    missing=3,
    wrong=2,
    pages=2,
    hanging=1,
    forbidden_items=1,
    throttled_after=50,
    throttled_seconds=3,
    hanging_seconds=3,
    held_seconds=2,
    retry_seconds=1,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An asset of the source."""

    number: int
    item: str
    #: Of its address.
    path: str
    size: int
    #: What is wrong with it until it is mended, or, where it hangs, for a while.
    trouble: Trouble | None = None

    @property
    def body(self) -> bytes:
        """Its bytes; the same each time."""
        return _TIFF + random.Random(f"{_SEED} {self.path}").randbytes(self.size - len(_TIFF))

    @property
    def wrong_body(self) -> bytes:
        """As many bytes, and the last is another."""
        body = self.body
        return body[:-1] + bytes([body[-1] ^ 1])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All files of a day."""

    size: Size
    files: tuple[File, ...]

    def with_trouble(self, trouble: Trouble) -> tuple[File, ...]:
        """The files that something is wrong with."""
        return tuple(each for each in self.files if each.trouble is trouble)

    def manifest(self, url: str) -> str:
        """The catalog: CSV, with the digests that the files have once all is mended; ``url`` is the source's."""
        lines = (f"{url}{each.path},{each.size},{_digest(each)},{each.item}" for each in self.files)
        return "\n".join(["url,size,sha256,item", *lines, ""])

    def expected(self, url: str) -> Expected:
        """What Sluice has to come to; ``url`` is the source's."""
        assets = tuple(
            ExpectedAsset(
                item=each.item,
                key=f"{url}{each.path}",
                blob=f"{DATASET}{each.path}",
                size=each.size,
                sha256=_digest(each),
            )
            for each in self.files
        )
        items = len({each.item for each in self.files})
        return Expected(dataset=DATASET, container=CONTAINER, items=items, assets=assets, misfits=())


def planned(size: Size) -> Plan:
    """Say what is wrong with which file; the same size, the same plan."""
    troubles = _troubles(size, chance=random.Random(_SEED))
    return Plan(size=size, files=tuple(_file(number, troubles.get(number)) for number in range(size.assets)))


def _troubles(size: Size, *, chance: random.Random) -> dict[int, Trouble]:
    """By the numbers of files; the items that are forbidden as a whole have no other trouble."""
    items = chance.sample(range(size.assets // _ITEM), size.forbidden_items)
    forbidden = {item * _ITEM + each for item in items for each in range(_ITEM)}
    # Who hangs does so early, while there is other work: a client waits for a minute.
    early = [number for number in range(size.assets // 4) if number not in forbidden]
    hanging = chance.sample(early, size.hanging)
    others = [number for number in range(size.assets) if number not in forbidden | {*hanging}]
    counts = {Trouble.MISSING: size.missing, Trouble.WRONG: size.wrong, Trouble.PAGE: size.pages}
    numbers = iter(chance.sample(others, sum(counts.values())))
    single = {next(numbers): trouble for trouble, count in counts.items() for _ in range(count)}
    single |= dict.fromkeys(hanging, Trouble.HANGING)
    return dict.fromkeys(forbidden, Trouble.FORBIDDEN) | single


def _file(number: int, trouble: Trouble | None) -> File:
    is_large = number % _LARGE_EVERY == _LARGE_EVERY // 2
    chance = random.Random(f"{_SEED} {number}")
    item = f"scene-{number // _ITEM:03}"
    return File(
        number=number,
        item=item,
        path=f"/files/{item}/band-{number % _ITEM}.tif",
        size=_LARGE_BYTES if is_large else chance.randint(*_SMALL_BYTES),
        trouble=trouble,
    )


def _digest(file: File) -> str:
    return hashlib.sha256(file.body).hexdigest()
