"""What the evaluator of queries takes, and what it refuses."""

import re
from typing import Any

import pytest

from tests.alarms.kql import NotUnderstoodError, run

_ROWS: list[dict[str, Any]] = [
    {"Name": "a", "At": 1, "Message": 'gauge {"action":"x","n":1,"on":true}', "Ok": True},
    {"Name": "b", "At": 2, "Message": 'gauge {"action":"x","n":2.5}', "Ok": False},
    {"Name": "a", "At": 3, "Message": "gauges, none", "Ok": True},
]
_EVENT = """extend Event = parse_json(substring(Message, indexof(Message, '{"action":')))"""


def _run(query: str) -> list[Any]:
    return run(f"// about\nT\n| {query}", {"T": _ROWS})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("At == 1", [1]),
        ("At != 1", [2, 3]),
        ("At > 1 and At < 3", [2]),
        ("At >= 3 or At <= 1", [1, 3]),
        ("At == 1 or At == 2 and Name == 'a'", [1]),
        ("At in (1, 3)", [1, 3]),
        ("Message has 'gauge'", [1, 2]),
        ("Message has 'GAUGES'", [3]),
        ("Ok == false", [2]),
        ("At * 10 - 5 >= 20 + 5 / 2", [3]),
        ("At + 1 == 7 / 2", [2]),
        ("At / 2.0 == 0.5", [1]),
    ],
)
def test_where(condition: str, expected: list[int]) -> None:
    """Rows for which a condition holds; of two whole numbers the quotient is whole."""
    assert _run(f"where {condition} | project At") == [{"At": each} for each in expected]


def test_dynamic_values() -> None:
    """What JSON says, by its members; what it doesn't say is null, and what is no JSON has no members."""
    made = (
        "Action = tostring(Event.action), N = todouble(Event.n), L = tolong(Event.n), On = tobool(Event.on), "
        "Deep = tostring(Event.n.m)"
    )

    assert _run(f"{_EVENT} | project {made}") == [
        {"Action": "x", "N": 1.0, "L": 1, "On": True, "Deep": ""},
        {"Action": "x", "N": 2.5, "L": 2, "On": None, "Deep": ""},
        {"Action": "", "N": None, "L": None, "On": None, "Deep": ""},
    ]


@pytest.mark.parametrize("condition", ["N > 0", "N < 100", "N == 0", "N != 1", "N + 1 > 0"])
def test_no_comparison_with_null_holds(condition: str) -> None:
    """Neither of its kind nor of the other."""
    query = f"{_EVENT} | extend N = todouble(Event.n) | where At == 3 and {condition}"

    assert _run(query) == []


def test_summarize() -> None:
    """Groups in the order in which they come, each with what is asked of it."""
    made = "Failed = countif(Ok == false), All = count(), Last = max(At), arg_max(At, Message)"

    found = _run(f"summarize {made} by Function = Name")

    assert found == [
        {"Function": "a", "Failed": 0, "All": 2, "Last": 3, "At": 3, "Message": "gauges, none"},
        {"Function": "b", "Failed": 1, "All": 1, "Last": 2, "At": 2, "Message": _ROWS[1]["Message"]},
    ]


def test_nothing_is_counted_too() -> None:
    """Without groups there is one row, with groups none; the greatest of nothing is null."""
    assert _run("where At > 3 | summarize count(), max(At), countif(Ok)") == [
        {"count_": 0, "max_": None, "countif_": 0}
    ]
    assert _run("where At > 3 | summarize count() by Name") == []


@pytest.mark.parametrize(
    "query",
    [
        "top 5 by At",
        "where strlen(Name) > 1",
        "where At between (1 .. 2)",
        "where Missing == 1",
        "summarize avg(At)",
        "summarize count(",
        "where At ==",
        "where (At == 1)",
        "where At @ 1",
        "project 'a' 'b'",
        "'where'",
    ],
)
def test_anything_else_is_refused(query: str) -> None:
    """Rather than understood as something else."""
    with pytest.raises(NotUnderstoodError):
        _run(query)


def test_every_query_is_understood(root: Any) -> None:
    """Those of alarms and those of charts; over no rows none but the one that rings for silence answers."""
    queries = {each.stem: each.read_text() for each in (root / "infra" / "queries").glob("*.kql")}

    answered = {name: run(text, {"AppTraces": [], "AppRequests": []}) for name, text in queries.items()}

    assert {name: rows for name, rows in answered.items() if rows} == {"app-silent": [{"Gauges": 0}]}
    assert len(answered) > 8
    assert all(re.match(r"// [A-Z].*\.\n", each) for each in queries.values())
