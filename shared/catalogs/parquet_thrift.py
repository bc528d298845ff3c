"""What Parquet files say of themselves, in Thrift's compact protocol, before a library sees it.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md; a field has a number. pyarrow parses
the same, but ends the process where a footer lacks what has to be in it and somebody asks for that.
"""

from collections.abc import Mapping
from typing import Any, Never

_MAX_DEPTH = 16
#: Values that are kept: each takes a hundred bytes or so.
_MAX_VALUES = 2_000_000

#: What is kept of a struct (or of the structs of a list), by the numbers of its fields; None: the value as it is.
type Shape = Mapping[int, Shape | None]
type Fields = Mapping[int, Any]


def read_struct(data: bytes | memoryview, shape: Shape, *, at: int = 0) -> tuple[Fields, int]:
    """Read a struct; returns the fields of its shape that it has, and where it ends. Raises ValueError."""
    reader = _Reader(data, at)
    return reader.struct(shape, depth=0), reader.at


def number(fields: Fields, field: int, *, default: int | None = None) -> int:
    """A field that is a whole number and not below zero; raises ValueError."""
    found = fields.get(field, default)
    if type(found) is not int or found < 0:
        raise ValueError(f"field {field} is no number, or not there")
    return found


def text(fields: Fields, field: int, *, default: str | None = None) -> str:
    """A field that is text in UTF-8; raises ValueError."""
    found = fields.get(field)
    if found is None and default is not None:
        return default
    if not isinstance(found, bytes):
        raise ValueError(f"field {field} is no text, or not there")  # noqa: TRY004 - it is what a file says
    return found.decode()


def structs(fields: Fields, field: int) -> list[Fields]:
    """A field that is a list of structs; raises ValueError."""
    found = fields.get(field)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):  # pyright: ignore[reportUnknownVariableType]
        raise ValueError(f"field {field} is no list, or not there")
    return found  # pyright: ignore[reportUnknownVariableType]


class _Reader:
    def __init__(self, data: bytes | memoryview, at: int) -> None:
        self.at = at
        self._data = data
        self._values = 0

    def struct(self, shape: Shape, *, depth: int) -> Fields:
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            field = field + delta if delta else self._signed()
            value = kind == 1 if kind in {1, 2} else self._value(kind, shape.get(field, _NOTHING), depth=depth)
            if field in shape:
                self._count()
                fields[field] = value
        return fields

    def _value(self, kind: int, shape: Shape | None, *, depth: int) -> Any:
        match kind:
            case 1 | 2 | 3:
                # A bool of a list, unlike a field, has a byte.
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7 | 8:
                return self._bytes(8 if kind == 7 else self._varint())  # noqa: PLR2004 - a double
            case 9 | 10 if depth < _MAX_DEPTH:
                return self._list(shape, depth=depth + 1)
            case 12 if depth < _MAX_DEPTH:
                return self.struct(shape or _NOTHING, depth=depth + 1)
            case _:
                return _refuse()

    def _list(self, shape: Shape | None, *, depth: int) -> list[Any]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        found: list[Any] = []
        for _ in range(self._varint() if count == 15 else count):  # noqa: PLR2004 - a longer one says how long it is
            value = self._value(kind, shape, depth=depth)
            if shape is not _NOTHING:
                self._count()
                found.append(value)
        return found

    def _count(self) -> None:
        self._values += 1
        if self._values > _MAX_VALUES:
            raise ValueError(f"more than {_MAX_VALUES} values")

    def _signed(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)

    def _varint(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the last one
                return found
        return _refuse()

    def _byte(self) -> int:
        if self.at >= len(self._data):
            _end()
        self.at += 1
        return self._data[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        if count > len(self._data) - self.at:
            _end()
        self.at += count
        return bytes(self._data[self.at - count : self.at])


_NOTHING: Shape = {}


def _refuse() -> Never:
    raise ValueError("it can't be read as Thrift")


def _end() -> Never:
    raise ValueError("it ends in the middle")
