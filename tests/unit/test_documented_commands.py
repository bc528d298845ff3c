"""Every ``sluice …`` that the documents tell people to type is one that the command line takes."""

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sluice.commands import sluice

_ROOT = Path(__file__).resolve().parent.parent.parent
_DOCUMENTS = (_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md")))
_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(sluice [^`]+)`")
#: Where one command of a line ends.
_ENDS = frozenset({"|", "||", "&&", ";", ">", ">>", "2>", "&"})


def documented(text: str) -> Iterator[str]:
    """The commands of a document: lines of its blocks, and what stands between backticks."""
    for block in _FENCED.findall(text):
        yield from (line for line in block.splitlines() if line.startswith("sluice "))
    yield from _INLINE.findall(_FENCED.sub("", text))


def words(line: str) -> list[str]:
    """The arguments of the first command of a line, without a comment behind it."""
    _, *rest = shlex.split(line, comments=True)
    ends = next((place for place, each in enumerate(rest) if each in _ENDS), len(rest))
    return rest[:ends]


_COMMANDS = sorted({each for document in _DOCUMENTS for each in documented(document.read_text(encoding="utf-8"))})


def error_of(line: str) -> str | None:
    """What the command line has against a command; None where it takes it. Nothing is done."""
    try:
        _group().main(words(line), prog_name="sluice", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return f"{type(error).__name__}: {error}"
    return None


def test_what_is_found() -> None:
    """Commands are found in blocks and between backticks, without what the shell does with their output."""
    text = (
        "Type `sluice status`.\n```sh\nsluice census zurich --fix | head  # mends\nls\n```\n`sluice/status.py`, `make`"
    )

    assert [words(each) for each in documented(text)] == [["census", "zurich", "--fix"], ["status"]]


@pytest.mark.parametrize("line", ["sluice nothing", "sluice status --nothing", "sluice discover", "sluice status a b"])
def test_what_is_refused(line: str) -> None:
    """An unknown command or option is noticed, and so is an argument too few or too many."""
    assert error_of(line) is not None


@pytest.mark.parametrize("line", _COMMANDS)
def test_documented(line: str) -> None:
    """The command line takes what a document says; a command that is only named may go without arguments."""
    names = {name for _, name in _leaves(_group())}

    assert " ".join(words(line)) in names or error_of(line) is None


def test_everything_is_documented() -> None:
    """Each command stands in some document."""
    said = [" ".join(words(each)) for each in _COMMANDS]
    names = {name for _, name in _leaves(_group())}

    assert {name for name in names if not any(f"{each} ".startswith(f"{name} ") for each in said)} == set()


def _nothing(**_: object) -> None:
    """What a command does here."""


@functools.cache
def _group() -> TyperGroup:
    """The command line, made anew, with commands that do nothing."""
    group = get_command(sluice)
    assert isinstance(group, TyperGroup)
    for each, _ in _leaves(group):
        each.callback = _nothing
    return group


def _leaves(group: TyperGroup, before: str = "") -> Iterator[tuple[TyperCommand, str]]:
    """Commands that aren't groups of others, with the words that they are called by."""
    for name, each in group.commands.items():
        if isinstance(each, TyperGroup):
            yield from _leaves(each, f"{before}{name} ")
        else:
            assert isinstance(each, TyperCommand)
            yield each, f"{before}{name}"
