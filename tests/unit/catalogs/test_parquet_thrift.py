import pytest

from shared.catalogs import parquet_thrift
from shared.catalogs.parquet_thrift import Shape, number, read_struct, structs, text

#: Fields 1 and 2 are bools, 3 a byte, 4 a number, 5 a double, 6 bytes.
_SIMPLE = b"\x11\x12\x13\x07\x14\x08\x17" + bytes(8) + b"\x18\x03xyz"
#: Fields 7 and 8 are lists of two bools and of a struct, 9 a set of sixteen bytes, 10 a struct, 200 a number.
_NESTED = (
    b"\x19\x21\x01\x00\x19\x1c\x15\x02\x00\x1a\xf3\x10" + bytes(16) + b"\x1c\x15\x04\x15\x06\x00" + b"\x05\x90\x03\x0a"
)
_DATA = _SIMPLE + _NESTED + b"\x00rest"


def test_all_that_there_is() -> None:
    """Every type of field is read, and the struct's end is known."""
    shape: Shape = dict.fromkeys(range(1, 10)) | {8: {1: None}, 10: {1: None, 2: None}, 200: None}

    fields, end = read_struct(b"??" + _DATA, shape, at=2)

    assert fields == {
        1: True,
        2: False,
        3: 7,
        4: 4,
        5: bytes(8),
        6: b"xyz",
        7: [1, 0],
        8: [{1: 1}],
        9: [0] * 16,
        10: {1: 2, 2: 3},
        200: 5,
    }
    assert (b"??" + _DATA)[end:] == b"rest"


def test_only_what_is_wanted() -> None:
    """What isn't in the shape is passed by, at any depth."""
    fields, end = read_struct(_DATA, {10: {2: None}})

    assert fields == {10: {2: 3}}
    assert _DATA[end:] == b"rest"


@pytest.mark.parametrize("length", range(len(_DATA) - 4))
def test_every_beginning(length: int) -> None:
    """A struct that is cut anywhere is no struct."""
    with pytest.raises(ValueError, match="it ends in the middle"):
        read_struct(_DATA[:length], {})


@pytest.mark.parametrize("data", [b"\x1d\x00", b"\x15" + b"\xff" * 11, b"\x1c" * 100, b"\x19" + b"\x19" * 100])
def test_what_is_no_thrift(data: bytes) -> None:
    """Unknown types, numbers of more than 70 bits and bottomless nesting are refused."""
    with pytest.raises(ValueError, match="can't be read as Thrift"):
        read_struct(data, {1: None})


def test_list_of_millions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list takes no more memory than it may."""
    monkeypatch.setattr(parquet_thrift, "_MAX_VALUES", 10)

    with pytest.raises(ValueError, match="more than 10 values"):
        read_struct(b"\x19\xf3\x0b" + bytes(12), {1: None})


def test_fields() -> None:
    """Fields are what they have to be, or what stands for them where they aren't there."""
    fields = {1: 3, 2: b"\xc3\xa9", 3: [{1: 2}]}

    assert (number(fields, 1), text(fields, 2), structs(fields, 3)) == (3, "\xe9", [{1: 2}])
    assert (number(fields, 9, default=0), text(fields, 9, default="")) == (0, "")


@pytest.mark.parametrize("value", [None, -1, True, b"\xff", "3", [1], {}])
def test_fields_of_other_types(value: object) -> None:
    """Anything else is refused."""
    fields = {1: value}

    for read in (number, text, structs):
        with pytest.raises(ValueError, match=r"field 1|decode"):
            read(fields, 1)
