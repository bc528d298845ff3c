"""Whether a client has really copied: every blob counted, its length compared, and many of its bytes.

A client that fails fast must not win.
"""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from azure.storage.blob import ContainerClient

from benchmarks.servers import Destination, facts_of
from benchmarks.workloads import KIB, MIB, File, Pattern, Workload

#: Small files that are compared, of all there are.
_SMALL_COMPARED = 64
_SMALL_BYTES = MIB
#: Of a large file, what stands about each of its ends and each multiple of this.
_STEP_BYTES = 8 * MIB
_PIECE_BYTES = 64 * KIB


class WrongDestinationError(RuntimeError):
    """At the destination isn't what was to be copied."""


def check(destination: Destination, container: str, *, workload: Workload, pattern: Pattern) -> None:
    """Compare a container with a workload; raises WrongDestinationError."""
    if destination.discards:
        check_facts(json.loads(facts_of(destination, container)), workload=workload, pattern=pattern)
        return
    sizes: Mapping[str, Any] = {"max_single_get_size": _PIECE_BYTES}
    with ContainerClient.from_connection_string(destination.connection_string, container, **sizes) as client:
        _check_lengths({str(each.name): int(each.size) for each in client.list_blobs()}, workload)
        for file in _chosen(workload):
            for start, length in pieces_of(file):
                stands = client.download_blob(file.name, offset=start, length=length).readall()
                if stands != pattern.piece(file.name, start, length):
                    raise WrongDestinationError(f"{file.name} has other bytes from {start} on")


def check_facts(facts: Mapping[str, list[tuple[int, str]]], *, workload: Workload, pattern: Pattern) -> None:
    """Compare what the discarding server remembers: lengths, and the beginning of every piece."""
    _check_lengths({name: sum(length for length, _ in pieces) for name, pieces in facts.items()}, workload)
    for name, pieces in facts.items():
        start = 0
        for length, first in pieces:
            stands = bytes.fromhex(first)
            if stands != pattern.piece(name, start, len(stands)):
                raise WrongDestinationError(f"{name} has other bytes from {start} on")
            start += length


def pieces_of(file: File) -> Iterator[tuple[int, int]]:
    """The places of a file that are compared, as start and length: all of a small file."""
    if file.size <= _SMALL_BYTES:
        yield 0, file.size
        return
    for middle in (*range(0, file.size, _STEP_BYTES), file.size):
        start = max(0, middle - _PIECE_BYTES // 2)
        yield start, min(_PIECE_BYTES, file.size - start)


def _check_lengths(stand: Mapping[str, int], workload: Workload) -> None:
    expected = {each.name: each.size for each in workload.files}
    if stand == expected:
        return
    missing = expected.keys() - stand.keys()
    other = sorted(name for name, length in stand.items() if expected.get(name) != length)
    raise WrongDestinationError(
        f"{len(missing)} of {len(expected)} blobs are missing, {len(other)} have a wrong length or name {other[:3]}"
    )


def _chosen(workload: Workload) -> list[File]:
    """All large files, and some of the small ones: the same ones for every client."""
    files = list(workload.files)
    small = [each for each in files if each.size <= _SMALL_BYTES]
    chosen = random.Random(workload.spec).sample(small, min(len(small), _SMALL_COMPARED))
    return [*(each for each in files if each.size > _SMALL_BYTES), *chosen]
