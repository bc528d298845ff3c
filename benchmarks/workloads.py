"""What is copied: groups of files of one size. A file's name tells its size and, by way of it, every byte."""

import dataclasses
import math
import random
import zlib
from collections.abc import Iterator
from typing import Self

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

#: No multiple of any block's size, so that no two blocks of a file are alike.
_PATTERN_BYTES = 16 * MIB + 4099
_SEED = 20240103


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a workload."""

    #: ``<spec>/<size>-<number>.bin``: its path at the source, and its blob.
    name: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Files of one size."""

    count: int
    size: int
    #: Whether there have to be as many of them at any scale.
    fixed_count: bool = False

    def scaled(self, scale: float) -> "Group":
        """Fewer files; smaller ones where there can't be fewer."""
        wanted = self.count * scale
        if self.fixed_count or wanted < 1:
            smaller = scale if self.fixed_count else wanted
            count = self.count if self.fixed_count else 1
            return dataclasses.replace(self, count=count, size=max(1, math.ceil(self.size * smaller)))
        return dataclasses.replace(self, count=round(wanted))


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """Groups of files, each of another size."""

    groups: tuple[Group, ...]

    @classmethod
    def parse(cls, spec: str) -> Self:
        """The workload of a ``spec``; raises ValueError."""
        pairs = [each.split("x") for each in spec.split("_")]
        return cls(tuple(Group(count=int(count), size=int(size)) for count, size in pairs))

    def scaled(self, scale: float) -> "Workload":
        """The same in small."""
        return Workload(tuple(each.scaled(scale) for each in self.groups))

    @property
    def spec(self) -> str:
        """How it is called where a name has to say it all: ``5000x16384``, ``2000x16384_100x4194304``."""
        return "_".join(f"{each.count}x{each.size}" for each in self.groups)

    @property
    def files(self) -> Iterator[File]:
        """All of its files."""
        for group in self.groups:
            for number in range(group.count):
                yield File(name=f"{self.spec}/{group.size}-{number:06}.bin", size=group.size)

    @property
    def count(self) -> int:
        """How many files it has."""
        return sum(each.count for each in self.groups)

    @property
    def bytes(self) -> int:
        """Their bytes together."""
        return sum(each.count * each.size for each in self.groups)

    @property
    def title(self) -> str:
        """How people call it: ``5,000 x 16 KiB``."""
        return ", ".join(f"{each.count:,} x {size_text(each.size)}" for each in self.groups)


def size_of(name: str) -> int:
    """The size of a file of this name; raises ValueError."""
    return int(name.rpartition("/")[2].partition("-")[0])


def size_text(size: int) -> str:
    """A size in the largest unit that leaves a number of at least one."""
    unit, text = next(
        ((unit, text) for unit, text in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")) if size >= unit), (1, "B")
    )
    return f"{size / unit:.4g} {text}"


class Pattern:
    """Random bytes, the same in every process; a file is a walk round and round in them from a place of its own."""

    def __init__(self) -> None:
        once = random.Random(_SEED).randbytes(_PATTERN_BYTES)
        #: Twice, so that no short piece has a seam.
        self.bytes = once + once[: 2 * MIB]

    def place(self, name: str, offset: int) -> tuple[int, int]:
        """Where a file's byte stands in ``bytes``, and how many follow it there before the walk begins anew."""
        start = (zlib.crc32(name.encode()) + offset) % _PATTERN_BYTES
        return start, _PATTERN_BYTES - start

    def piece(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a file, two MiB at most."""
        start, _ = self.place(name, offset)
        return self.bytes[start : start + length]
