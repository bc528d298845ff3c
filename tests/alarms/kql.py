"""The part of Kusto's language that our queries use, run over rows in memory.

``where``, ``extend``, ``project`` and ``summarize`` (``count``, ``countif``, ``max``, ``arg_max``, with ``by``), over
``and``, ``or``, comparisons, ``has``, ``in``, ``+ - * /``, members of dynamic values, and these functions:
``tostring``, ``tolong``, ``todouble``, ``tobool``, ``parse_json``, ``substring``, ``indexof``. Whatever else stands in
a query is refused.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.alarms import steps
from tests.alarms.steps import Columns, NotUnderstoodError, Row, Step, Value

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)|(?P<word>\w+)|(?P<sign>==|!=|>=|<=|[|,()=<>*/+.-]))"
)


def run(query: str, tables: Mapping[str, Iterable[Row]]) -> list[Row]:
    """The rows that a query answers; raises NotUnderstoodError."""
    parser = _Parser(_tokens(query))
    rows: list[Row] = list(tables[parser.word()])
    while parser.takes("|"):
        rows = parser.step()(rows)
    parser.ends()
    return rows


def _tokens(query: str) -> list[tuple[str, str]]:
    text = re.sub(r"^\s*//.*$", "", query, flags=re.MULTILINE).rstrip()
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise NotUnderstoodError(text[position : position + 40])
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        position = found.end()
    return tokens


class _Parser:
    """Reads a query from left to right."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def step(self) -> Step:
        """What stands between two bars."""
        match self.word():
            case "where":
                return steps.where(self._either())
            case "extend":
                return steps.extend(self._named(self._either))
            case "project":
                return steps.project(self._named(self._either))
            case "summarize":
                columns = self._listed(self._aggregation)
                return steps.summarize(columns, self._named(self._either) if self.takes("by") else {})
            case other:
                raise NotUnderstoodError(other)

    def word(self) -> str:
        kind, text = self._next()
        if kind != "word":
            raise NotUnderstoodError(text)
        return text

    def takes(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == text and self._tokens[self._at][0] != "string":
            self._at += 1
            return True
        return False

    def ends(self) -> None:
        if self._at < len(self._tokens):
            raise NotUnderstoodError(self._tokens[self._at][1])

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise NotUnderstoodError("the query's end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _needs(self, text: str) -> None:
        if not self.takes(text):
            raise NotUnderstoodError(f"{text} is missing before {self._next()[1]}")

    def _listed[T](self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self.takes(","):
            found.append(read())
        return found

    def _name(self) -> str | None:
        """The name before ``=``, where one is given."""
        if [each[1] for each in self._tokens[self._at + 1 : self._at + 2]] == ["="]:
            name = self.word()
            self._needs("=")
            return name
        return None

    def _named(self, read: Callable[[], Value]) -> dict[str, Value]:
        """``Name = expression``, or a column by its own name."""

        def one() -> tuple[str, Value]:
            column = self._tokens[self._at][1]
            return self._name() or column, read()

        return dict(self._listed(one))

    def _aggregation(self) -> Columns:
        name, function = self._name(), self.word()
        self._needs("(")
        match function:
            case "arg_max":
                columns = self._named(self._either)
                made = steps.arg_max(columns)
            case "count":
                made = steps.aggregated(name or "count_", len)
            case "countif":
                value = self._either()
                made = steps.aggregated(name or "countif_", lambda rows: sum(bool(value(each)) for each in rows))
            case "max":
                value = self._either()
                made = steps.aggregated(name or "max_", lambda rows: steps.greatest([value(each) for each in rows]))
            case other:
                raise NotUnderstoodError(other)
        self._needs(")")
        return made

    def _either(self) -> Value:
        left = self._both()
        while self.takes("or"):
            left = steps.either(left, self._both())
        return left

    def _both(self) -> Value:
        left = self._comparison()
        while self.takes("and"):
            left = steps.both(left, self._comparison())
        return left

    def _comparison(self) -> Value:
        left = self._sum()
        for sign, compare in steps.COMPARED.items():
            if self.takes(sign):
                return steps.both_known(compare, left, self._sum())
        if self.takes("in"):
            self._needs("(")
            among = self._listed(self._sum)
            self._needs(")")
            return lambda row: left(row) in [each(row) for each in among]
        return left

    def _sum(self) -> Value:
        return self._computed(("+", "-"), lambda: self._computed(("*", "/"), self._member))

    def _computed(self, signs: Sequence[str], read: Callable[[], Value]) -> Value:
        left = read()
        while sign := next((each for each in signs if self.takes(each)), None):
            left = steps.both_known(steps.COMPUTED[sign], left, read())
        return left

    def _member(self) -> Value:
        value = self._primary()
        while self.takes("."):
            value = steps.member(value, self.word())
        return value

    def _primary(self) -> Value:
        kind, text = self._next()
        match kind:
            case "string":
                return steps.constant(re.sub(r"\\(.)", r"\1", text[1:-1]))
            case "number":
                return steps.constant(float(text) if "." in text else int(text))
            case "word" if text in ("true", "false"):
                return steps.constant(text == "true")
            case "word" if self.takes("("):
                arguments = self._listed(self._either)
                self._needs(")")
                return steps.call(text, arguments)
            case "word":
                return steps.column(text)
            case _:
                raise NotUnderstoodError(text)
