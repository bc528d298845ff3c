"""What operators read: poison, blobs' metadata, their own files."""

import base64
import contextlib
import functools
import json
import tempfile
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic import ValidationError

from shared.model.datasets import load_datasets
from shared.model.errors import DatasetsInvalidError, MalformedRequestError
from shared.model.labels import labels
from shared.model.messages import CopyRequest, PageRequest, PublishRequest, Queue
from shared.model.settings import HostQueues, Settings
from shared.storage.blobs import BlobPath, Content
from shared.storage.mailbox import decoded
from tests.fakes.mailbox import WEEK
from tests.fuzz.judging import Run
from tests.fuzz.mutating import mutated_bytes, mutated_json
from tests.fuzz.nasty import HREFS, MOST_BYTES, NUMBERS, TEXTS, TIMES
from tests.fuzz.target import Target, check
from tests.fuzz.targets.messages import COPY, PAGE, PUBLISH, members_of, metadata_of
from tests.unit.ledgers.world import World as LedgerWorld
from tests.unit.ledgers.world import row_of
from tests.unit.model.builders import asset
from tests.unit.poison.desk import Desk

_ROOT = Path(__file__).resolve().parents[3]
_QUEUES = tuple(Queue)
#: What a request carries of its attempts, and not of what it asks for.
_CARRIED = {"reason", "deferrals", "deferred_since", "staged_blocks"}
_TOML_TOKENS = (
    *(each.encode("utf-8", "replace")[:300] for each in (*HREFS[:20], *TIMES)),
    *(
        b"[datasets.a]\n",
        b"[[a]]\n",
        b"a = 1\n",
        b"[" * 5000,
        b"= {",
        b'"""',
        b"'''",
        b"\\u0000",
        b"\\ud800",
        b"nan",
        b"-inf",
    ),
    *(
        b"0x" + b"f" * 5000,
        b"1979-05-27T07:32:00Z",
        b"9999-99-99",
        b"a.b.c.d = 1\n",
        b"{a = {b = {c = 1}}}",
        b"\xff",
        b"\x00",
    ),
    *(
        b"{x = " * 300,
        b"a." * 100 + b"b = 1\n",
        b'kind = "stac"\n',
        b'kind = "x"\n',
        b"page_size = 99999999999999999999\n",
    ),
    *(b'url = "https://["\n', b'patterns = ["(a+)+$"]\n', b'item = "((((a+)+)+)+)b"\n', b'schedule = "* * * * *"\n'),
)


async def _poison(case: bytes) -> None:
    """What stands in a poison queue is kept for ever, shown, and sent back; nothing of it is lost."""
    desk = Desk(datasets=("s2", "demo"))
    queue = _QUEUES[len(case) % len(_QUEUES)]
    text = case.decode("utf-8", "replace") if len(case) % 3 == 0 else base64.b64encode(case[: 47 * 1024]).decode()
    desk.mailbox.put(queue.poison, text, lives=WEEK)
    await desk.preserving.run()
    desk.now += timedelta(days=400)
    (kept,) = desk.mailbox.all_of(queue.poison)
    check(not kept.expires, "poison expires")
    for poison in await desk.listed():
        poison.fact.model_dump_json().encode()
    await desk.redrive()
    there = [each.text for name in (queue.value, queue.poison) for each in desk.mailbox.all_of(name)]
    check(len(there) == 1, f"of one message {len(there)} are left")
    check(_same(there[0], text), "another message than the one that was there")


def _same(there: str, text: str) -> bool:
    """A request goes back without deferrals and progress, or stays with its reason; anything else is as it was."""
    bodies = [decoded(each) or each.encode() for each in (there, text)]
    if bodies[0] == bodies[1]:
        return True
    for kind in (CopyRequest, PageRequest, PublishRequest):
        with contextlib.suppress(MalformedRequestError):
            one, other = (kind.decode(each).model_dump(exclude=_CARRIED) for each in bodies)
            return one == other
    return False


async def _rebuild(case: bytes) -> None:
    """A blob's metadata may be anybody's."""
    world = LedgerWorld()
    content = Content(md5=None, media_type="a/b", metadata=metadata_of(case))
    await world.blobs.put(BlobPath(container="assets", name="demo/one"), (b"x" * 5,), content=content)
    rebuilt = await world.rebuilding.rebuild("demo", is_dry_run=False)
    rebuilt.model_dump_json().encode()
    check(sum(rebuilt.blobs.values()) == 1, "a blob isn't counted once")


@contextlib.asynccontextmanager
async def _datasets() -> AsyncGenerator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "datasets.toml"

        async def run(case: bytes) -> None:
            path.write_bytes(case)
            datasets = load_datasets(path)
            assert datasets.secrets is not None
            assert datasets.budgets is not None

        yield run


@contextlib.asynccontextmanager
async def _settings() -> AsyncGenerator[Run]:
    """Settings as text, and host.json; what is taken can be computed with."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "host.json"

        async def run(case: bytes) -> None:
            path.write_bytes(case)
            with contextlib.suppress(ValueError):
                HostQueues.read(path)
            settings = Settings(**_values(case))
            timedelta(minutes=settings.stall_minutes)
            timedelta(seconds=settings.recheck_seconds)
            timedelta(seconds=settings.deadline_seconds)
            assert settings.memory >= 2 * settings.block_size

        yield run


def _values(case: bytes) -> dict[str, Any]:
    """What a mutated local.settings.json sets."""
    return {name: str(value) for name, value in members_of(members_of(case).get("Values")).items()}


def _made_poison(chance: Random) -> bytes:
    return mutated_json(chance, json.loads(chance.choice((COPY, PAGE, PUBLISH)).encode()))


@functools.cache
def _labels() -> dict[str, str]:
    one = asset(key="one", name="demo/one", item="s2/one")
    return labels(row_of(one, validator='etag:"1"', instead_of="0" * 64))


@functools.cache
def _tomls() -> tuple[bytes, ...]:
    paths = [_ROOT / "datasets.toml", *sorted((_ROOT / "examples").glob("*/datasets.toml"))]
    return tuple(each.read_bytes() for each in paths if each.stat().st_size < MOST_BYTES)


def _made_toml(chance: Random) -> bytes:
    honest = chance.choice(_tomls())
    if chance.random() < 0.4:
        return mutated_bytes(chance, honest, tokens=_TOML_TOKENS)
    lines = honest.split(b"\n")
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(lines))
        name, found, _ = lines[place].partition(b" = ")
        value = chance.choice((*TEXTS, *HREFS, *TIMES, *NUMBERS))[:400]
        new = (
            json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            if chance.random() < 0.6
            else value.encode()
        )
        lines[place : place + 1] = [name + found + new] if found else [chance.choice(_TOML_TOKENS)]
    return b"\n".join(lines)[:MOST_BYTES]


@functools.cache
def _sample() -> dict[str, Any]:
    return json.loads((_ROOT / "local.settings.sample.json").read_bytes())


def _made_settings(chance: Random) -> bytes:
    if chance.random() < 0.3:
        return mutated_json(chance, json.loads((_ROOT / "host.json").read_bytes()))
    document = json.loads(json.dumps(_sample()))
    for name in chance.sample(sorted(document["Values"]), chance.choice((1, 1, 2))):
        document["Values"][name] = chance.choice(
            (*NUMBERS, *TEXTS, "inf", "-inf", "nan", "1e300", "61", "3600.5", "16")
        )
    return mutated_json(chance, document) if chance.random() < 0.3 else json.dumps(document).encode()


TARGETS = (
    Target.of("poison", make=_made_poison, run=_poison),
    Target.of("rebuild", make=lambda chance: mutated_json(chance, _labels()), run=_rebuild),
    Target(name="datasets", make=_made_toml, opened=_datasets, allowed=(DatasetsInvalidError,)),
    Target(name="settings", make=_made_settings, opened=_settings, allowed=(ValidationError,)),
)
