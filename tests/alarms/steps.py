"""What the parts of a query do with rows.

As Kusto has it, what isn't there is null, and no comparison with null holds
(https://learn.microsoft.com/kusto/query/scalar-data-types/null-values).
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

type Row = Mapping[str, Any]
#: An expression: its value in a row.
type Value = Callable[[Row], Any]
#: An aggregation: its columns over some rows.
type Columns = Callable[[Sequence[Row]], dict[str, Any]]
#: What a step makes of the rows.
type Step = Callable[[Sequence[Row]], list[Row]]


class NotUnderstoodError(Exception):
    """A query has what this evaluator doesn't know; a query of ours has to do without."""


def _has(text: str, term: str) -> bool:
    """Whole words only, whatever their case."""
    return bool(re.search(rf"(?<![0-9a-z]){re.escape(term.lower())}(?![0-9a-z])", text.lower()))


def _divide(left: float, right: float) -> float:
    """Of two whole numbers, Kusto's quotient is whole, too."""
    return left // right if isinstance(left, int) and isinstance(right, int) else left / right


COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "has": _has,
}
COMPUTED: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
}


def where(holds: Value) -> Step:
    """Keep the rows for which a condition holds."""
    return lambda rows: [each for each in rows if holds(each)]


def extend(columns: Mapping[str, Value]) -> Step:
    """Add columns."""

    def extended(row: Row) -> Row:
        return {**row, **{name: value(row) for name, value in columns.items()}}

    return lambda rows: [extended(each) for each in rows]


def project(columns: Mapping[str, Value]) -> Step:
    """Make other columns."""
    return lambda rows: [{name: value(each) for name, value in columns.items()} for each in rows]


def summarize(columns: Sequence[Columns], by: Mapping[str, Value]) -> Step:
    """A row for each group; without groups one row, also of no rows at all."""

    def summarized(rows: Sequence[Row]) -> list[Row]:
        groups: dict[tuple[Any, ...], list[Row]] = {} if by else {(): []}
        for each in rows:
            groups.setdefault(tuple(value(each) for value in by.values()), []).append(each)
        return [
            dict(zip(by, key, strict=True)) | {name: value for each in columns for name, value in each(group).items()}
            for key, group in groups.items()
        ]

    return summarized


def arg_max(columns: Mapping[str, Value]) -> Columns:
    """The columns of the row that has most of the first one."""
    first = next(iter(columns.values()))

    def found(rows: Sequence[Row]) -> dict[str, Any]:
        last = max(rows, key=first)
        return {name: value(last) for name, value in columns.items()}

    return found


def aggregated(name: str, value: Callable[[Sequence[Row]], Any]) -> Columns:
    """One column."""
    return lambda rows: {name: value(rows)}


def greatest(values: Iterable[Any]) -> Any:
    """The greatest of what is known."""
    return max((each for each in values if each is not None), default=None)


def either(left: Value, right: Value) -> Value:
    """Whether one of them holds."""
    return lambda row: bool(left(row)) or bool(right(row))


def both(left: Value, right: Value) -> Value:
    """Whether both hold."""
    return lambda row: bool(left(row)) and bool(right(row))


def both_known(compute: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    """Compute with two values; with null, null."""

    def computed(row: Row) -> Any:
        values = left(row), right(row)
        return None if None in values else compute(*values)

    return computed


def member(value: Value, name: str) -> Value:
    """A member of a dynamic value."""

    def member(row: Row) -> Any:
        whole = value(row)
        return cast("dict[str, Any]", whole).get(name) if isinstance(whole, dict) else None

    return member


def constant(value: object) -> Value:
    """What is written out."""
    return lambda _: value


def column(name: str) -> Value:
    """A column by its name."""

    def column(row: Row) -> Any:
        if name not in row:
            raise NotUnderstoodError(f"no column {name} in {', '.join(row)}")
        return row[name]

    return column


def call(name: str, arguments: Sequence[Value]) -> Value:
    """A function of Kusto's."""
    if name not in _FUNCTIONS:
        raise NotUnderstoodError(name)
    function = _FUNCTIONS[name]
    return lambda row: function(*(each(row) for each in arguments))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _known(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def _string(value: object) -> str:
    return "" if value is None else str(value)


def _substring(text: str, start: int) -> str:
    return text[start:]


def _indexof(text: str, part: str) -> int:
    return text.find(part)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "tostring": _string,
    "tolong": _known(int),
    "todouble": _known(float),
    "tobool": _known(bool),
    "parse_json": _json,
    "substring": _substring,
    "indexof": _indexof,
}
