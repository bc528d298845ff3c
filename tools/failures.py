"""Writes ``docs/failures.md``: every error, what becomes of it, and what an operator does about it."""

import argparse
import dataclasses
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.model import errors
from shared.model.advice import NO_CLASSES
from shared.model.errors import HTTP_STATUS, SluiceError, advice_of

_FILE = Path(__file__).resolve().parent.parent / "docs" / "failures.md"

_BEGINNING = """\
# Failures

<!-- Written by `make generate` from shared/model/errors.py and shared/model/advice.py. Don't edit it here. -->

Why an asset failed last stands in `sluice failures`, what failed for good in `sluice poison list`.
Both name one of these classes, and `sluice poison show ID` says what to do beside the message.
What to do by what is seen, rather than by class, stands in [runbook.md](runbook.md).

A request in a poison queue has the address, the blob's name, the size and the checksum that it was asked for with.
A redrive tries just these again; another run asks anew.
Without `--yes`, redrive and drop only tell what they would do.
What `datasets.toml` says of `source`, `allow`, `policy` and `select.max_bytes` is read when a request is worked.
Once that is mended and deployed, a redrive is enough.
What discovery refused by itself was never a request: it stands in `sluice failures` alone, and another run tries again.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A branch of the tree: the classes below its root."""

    heading: str
    root: type[SluiceError]
    says: str


_SECTIONS = (
    _Section(
        heading="Retried",
        root=errors.RetryableError,
        says="The Functions runtime delivers the message again, five times in all; then it is poison.",
    ),
    _Section(
        heading="Put off",
        root=errors.DeferredError,
        says="The request is sent again with a delay that doubles from 15 seconds to an hour, which costs no attempt; "
        "24 hours after the first delay it counts as any other failure and is retried.",
    ),
    _Section(
        heading="Sent again at once",
        root=errors.UnfinishedError,
        says="The work goes on where it stopped.",
    ),
    _Section(
        heading="Poison at once",
        root=errors.PermanentError,
        says="The request can't ever work as it is: it goes to the poison queue of its lane with its reason, and stays "
        "there until somebody redrives or drops it.",
    ),
)

_CALLERS = "Answered to whoever asked over HTTP or typed a command; nothing is left behind."
_REST = "The first is the root of all; the others meet nobody who works a queue."
_NO_CLASS = """\
## In place of a class

The Functions runtime moves a message to its poison queue without saying why; where nothing else says so, this stands in
place of a class.
"""


def main(arguments: Sequence[str], *, file: Path = _FILE) -> int:
    """Write the page, or with --check tell whether it is up to date; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.failures", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the file isn't up to date")
    expected = page()
    if not parser.parse_args(arguments).check:
        file.write_text(expected, encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == expected:
        return 0
    sys.stderr.write(f"{file.name} isn't up to date; run: python -m tools.failures\n")
    return 1


def page() -> str:
    """The page as it is written to the file."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _BEGINNING
    branches = [list(_tree(each.root)) for each in _SECTIONS]
    for section, classes in zip(_SECTIONS, branches, strict=True):
        yield from _section(section.heading, section.says, classes)
    rest = [each for each in _tree(SluiceError) if not any(each in branch for branch in branches)]
    yield from _section("Answered to callers", _CALLERS, [each for each in rest if each in HTTP_STATUS])
    yield from _section("Others", _REST, [each for each in rest if each not in HTTP_STATUS])
    yield _NO_CLASS
    yield from _table(["Name", "What to do"], [[f"`{each}`", advice_of(each)] for each in NO_CLASSES])


def _section(heading: str, says: str, classes: Sequence[type[SluiceError]]) -> Iterator[str]:
    """A heading, what becomes of these failures, and a row for each; a column of statuses where some are answered."""
    is_answered = any(each in HTTP_STATUS for each in classes)
    yield f"## {heading}\n\n{says}\n"
    yield from _table(
        ["Class", *(["HTTP"] if is_answered else []), "What it means", "What to do"],
        [
            [
                f"`{each.__name__}`",
                *([str(HTTP_STATUS.get(each, ""))] if is_answered else []),
                _meaning(each),
                advice_of(each.__name__),
            ]
            for each in classes
        ],
    )


def _tree(root: type[SluiceError]) -> Iterator[type[SluiceError]]:
    """A class and those of its module below it, as the module draws them."""
    yield root
    for each in root.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _tree(each)


def _meaning(error: type[SluiceError]) -> str:
    return (inspect.getdoc(error) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(each.replace('|', r'\|') for each in cells)} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
