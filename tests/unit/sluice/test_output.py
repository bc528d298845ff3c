import io
import json

import pytest
from pydantic import BaseModel
from rich.console import Console

from sluice.output import Output


class _Answer(BaseModel):
    name: str
    assets: int


def opened(*, is_json: bool = False, terminal: bool = False) -> Output:
    out = Console(file=io.StringIO(), width=40, no_color=True)
    err = Console(file=io.StringIO(), width=40, force_terminal=terminal)
    return Output(is_json=is_json, out=out, err=err)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_people_see_the_view_and_programs_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    """One result is printed once: as it is drawn, or as JSON."""
    for_people, for_programs = opened(), opened(is_json=True)

    for_people.show(_Answer(name="zurich", assets=3), view="zurich has 3")
    for_programs.show(_Answer(name="zurich", assets=3), view="zurich has 3")
    for_programs.show({"assets": None}, view="nothing")

    assert printed(for_people.out) == "zurich has 3\n"
    assert [json.loads(each) for each in capsys.readouterr().out.splitlines()] == [
        {"name": "zurich", "assets": 3},
        {"assets": None},
    ]


def test_a_table_has_the_columns_and_json_the_whole_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """People see the columns that were chosen; programs see everything, a row a line, as it is written."""
    rows = [{"queue": "copy", "count": 3, "id": "ä"}, {"queue": "publish", "count": None, "id": "b"}]
    for_people, for_programs = opened(), opened(is_json=True)

    for_people.rows(rows, columns=("queue", "count"), title="Queues")
    for_programs.rows(rows, columns=("queue", "count"))

    lines = [each.split() for each in printed(for_people.out).splitlines()]
    assert lines == [["Queues"], ["queue", "count"], ["copy", "3"], ["publish"]]
    assert [json.loads(each) for each in capsys.readouterr().out.splitlines()] == rows


def test_notes_go_to_stderr_as_they_are() -> None:
    """A note that looks like markup isn't taken for it, and isn't wrapped."""
    output = opened()

    output.note("[bold] is a dataset's name " + "x" * 40)

    assert printed(output.err) == "[bold] is a dataset's name " + "x" * 40 + "\n"
    assert printed(output.out) == ""


@pytest.mark.parametrize(
    ("is_json", "terminal", "shown"), [(False, True, True), (False, False, False), (True, True, False)]
)
def test_a_bar_is_shown_on_a_terminal_alone(*, is_json: bool, terminal: bool, shown: bool) -> None:
    """Progress is for people who look."""
    output = opened(is_json=is_json, terminal=terminal)

    with output.progress("reading", total=4) as steps:
        steps.advance(2)
        steps.advance(2, total=8)
        done = (steps.bar.tasks[0].completed, steps.bar.tasks[0].total)

    assert done == (4, 8)
    assert bool(printed(output.err)) is shown
