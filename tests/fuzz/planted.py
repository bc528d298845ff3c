"""Targets that are wrong on purpose, one for each thing that the judge objects to."""

import asyncio
import json
import os
import time
from random import Random

from tests.fuzz.judging import MOST_BYTES, MOST_SECONDS
from tests.fuzz.mutating import mutated_json
from tests.fuzz.target import Target, check

_DOCUMENT = {"id": "T32", "size": 9, "links": [{"rel": "self"}]}


async def _raises(case: bytes) -> None:
    """A reader that takes a field for granted."""
    if b'"id"' not in case:
        raise KeyError("id")


async def _is_slow(_: bytes) -> None:
    """For twice as long as a case may take, whatever else the machine does."""
    until = time.process_time() + 2 * MOST_SECONDS
    while time.process_time() < until:
        pass


async def _is_large(_: bytes) -> None:
    bytearray(MOST_BYTES + 1)


async def _breaks_its_promise(case: bytes) -> None:
    check(len(case) == 0, "something was lost")


async def _recurses(case: bytes) -> None:
    """A parser of JSON that has no limit of its own."""
    try:
        json.loads(case)
    except ValueError:
        return


async def _raises_a_group(_: bytes) -> None:
    async def fails() -> None:
        raise ValueError("one of several")

    async with asyncio.TaskGroup() as group:
        group.create_task(fails())


async def _dies(_: bytes) -> None:
    os._exit(3)


def _made(chance: Random) -> bytes:
    return mutated_json(chance, _DOCUMENT)


#: What is said of each.
EXPECTED = {
    "raises": "KeyError",
    "slow": "ms of processor time",
    "large": "MiB",
    "promise": "something was lost",
    "recursion": "RecursionError",
    "group": "ExceptionGroup",
    "dying": "the process died (3)",
}
PLANTED = (
    Target.of("raises", make=_made, run=_raises, allowed=(ValueError,)),
    Target.of("slow", make=_made, run=_is_slow),
    Target.of("large", make=_made, run=_is_large),
    Target.of("promise", make=_made, run=_breaks_its_promise),
    Target.of("recursion", make=lambda _: b"[" * 100_000, run=_recurses),
    Target.of("group", make=_made, run=_raises_a_group, allowed=(ValueError,)),
    Target.of("dying", make=_made, run=_dies),
)


def planted_targets() -> tuple[Target, ...]:
    """All of them."""
    return PLANTED
