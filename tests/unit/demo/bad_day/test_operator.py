from pathlib import Path

import pytest

from demo.bad_day.operator import Operator, Typed
from demo.bad_day.site import DayError

#: Tells where it runs, what it was given, and that it isn't well.
_PROGRAM = """#!/bin/sh
echo "here $(pwd) $COLUMNS"
for each in "$@"; do echo "given $each"; done
echo "not well" >&2
exit 1
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program"
    path.write_text(_PROGRAM, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def nobody_reads(line: str) -> None:
    del line


def test_a_command_is_typed(tmp_path: Path, program: str) -> None:
    """What is typed runs in the folder, and is kept with its exit code and output."""
    operator = Operator(tmp_path, say=nobody_reads, program=program)

    ended = operator.types("poison", "two words")

    seconds = ended.seconds
    out = f"here {tmp_path} 110\ngiven poison\ngiven two words\n"
    assert ended == Typed(line="sluice poison 'two words'", code=1, out=out, err="not well\n", seconds=seconds)
    assert (operator.typed, operator.seconds) == ([ended], seconds)
    assert seconds > 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (13, ["  given x"] * 13),
        (14, [*["  given x"] * 7, "  … 2 lines more", *["  given x"] * 5]),
    ],
)
def test_a_command_is_shown(tmp_path: Path, program: str, given: int, shown: list[str]) -> None:
    """A command is shown with its output, or the first and last lines of that."""
    said: list[str] = []

    Operator(tmp_path, say=said.append, program=program).types(*["x"] * given)

    assert said[0].startswith(f"$ sluice {' '.join('x' * given)}   # exit code 1, ")
    assert said[1:] == [f"  here {tmp_path} 110", *shown, "  not well"]


def test_waiting_is_one_command(tmp_path: Path, program: str) -> None:
    """What is typed again until it is well counts once, with all the time that it took."""
    seen: list[Typed] = []

    def at_the_second_look(ended: Typed) -> bool:
        seen.append(ended)
        return len(seen) == 2

    operator = Operator(tmp_path, say=nobody_reads, program=program)
    waited = operator.types_until(at_the_second_look, "status", seconds=30, every=0)

    assert operator.typed == [waited]
    assert waited.seconds >= sum(each.seconds for each in seen)


def test_waiting_ends(tmp_path: Path, program: str) -> None:
    """What never becomes well isn't waited for without end."""
    operator = Operator(tmp_path, say=nobody_reads, program=program)

    with pytest.raises(DayError, match=r"(?s)'sluice status' still says: here .* not well"):
        operator.types_until(lambda _: False, "status", seconds=0, every=0)


def test_rows() -> None:
    """JSON is read line by line."""
    typed = Typed(line="", code=0, out='{"a": 1}\n{"a": 2}\n', err="", seconds=0)

    assert typed.rows == [{"a": 1}, {"a": 2}]
