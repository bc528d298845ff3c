"""Faults that are planted into a copy of the app: a driver that doesn't report them is worth nothing."""

import dataclasses
import enum
from collections.abc import Iterable
from pathlib import Path


class Plant(enum.StrEnum):
    """A fault."""

    #: Block ids say which block, and not what is in it.
    INDEX_IDS = "index-ids"
    #: Blobs are written whatever stands there.
    NO_PRECONDITION = "no-precondition"


class PlantError(RuntimeError):
    """The place for a fault isn't there: the code has changed, and the plant has to follow."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A text of a module, and what is put in its place."""

    module: str
    #: What stands in the module once, and what is put in its place.
    text: str
    instead: str


_BLOCK_ID = "def block_id(version: bytes, index: int, *, sha256: bytes) -> str:\n"
_CONDITIONS = "def _conditions(replaces: str | None) -> dict[str, Any]:\n"
_CONDITION_OF_PUT = '{"If-None-Match": "*"} if replaces is None else {"If-Match": replaces}'

_FAULTS = {
    Plant.INDEX_IDS: (
        Change(
            module="shared/copying/blocks.py",
            text=_BLOCK_ID,
            instead=f'{_BLOCK_ID}    return base64.urlsafe_b64encode(index.to_bytes(48, "big")).decode()\n',
        ),
    ),
    Plant.NO_PRECONDITION: (
        Change(module="shared/storage/blobs.py", text=_CONDITIONS, instead=f"{_CONDITIONS}    return {{}}\n"),
        Change(module="shared/storage/blobs.py", text=_CONDITION_OF_PUT, instead="{}"),
    ),
}


def plant(root: Path, fault: Plant) -> None:
    """Change the app in ``root``; raises PlantError where the text to change doesn't stand there once."""
    change(root, _FAULTS[fault])


def change(root: Path, changes: Iterable[Change]) -> None:
    """The same for any changes."""
    for each in changes:
        module = root / each.module
        text = module.read_text(encoding="utf-8")
        if text.count(each.text) != 1:
            raise PlantError(f"{each.module} has no single {each.text!r}")
        module.write_text(text.replace(each.text, each.instead), encoding="utf-8")
