import pytest

from shared.catalogs import parquet_pages
from shared.catalogs.parquet_pages import Pages, check_pages

_I32, _STRUCT = 5, 12


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _struct(**fields: int | bytes | tuple[int, bytes]) -> bytes:
    """A struct in the compact protocol, of fields ``f1``, ``f2``...: whole numbers, structs, or a type and bytes."""
    encoded, before = b"", 0
    for name, value in fields.items():
        number = int(name.removeprefix("f"))
        if isinstance(value, int):
            kind, body = _I32, _varint(value * 2)
        else:
            kind, body = value if isinstance(value, tuple) else (_STRUCT, value)
        encoded += bytes([(number - before) << 4 | kind]) + body
        before = number
    return encoded + b"\0"


def _page(kind: int = 0, *, values: int = 1, unpacked: int = 3, body: bytes = b"abc", encoding: int = 0) -> bytes:
    field, at = {0: ("f5", "f2"), 3: ("f8", "f4")}.get(kind, ("f7", "f2"))
    page = _struct(f1=values, **{at: encoding})
    return _struct(f1=kind, f2=unpacked, f3=len(body), **{field: page}) + body


def test_what_is_unpacked_at_once() -> None:
    """It is the dictionary with the largest page; an index is passed by, and so is what follows the last value."""
    index = _struct(f1=1, f2=7, f3=2) + b"ix"
    chunk = _page(2, values=9, unpacked=100) + index + _page(values=2, unpacked=10) + _page(3, values=3, unpacked=40)

    assert check_pages(chunk + b"anything", values=5) == Pages(dictionary=100, largest=40, total=50, has_plain=True)


def test_no_values() -> None:
    """A chunk without values has no pages."""
    assert check_pages(b"", values=0) == Pages()


@pytest.mark.parametrize(("encodings", "has_plain"), [((2, 8), False), ((8, 0), True), ((0, 8), True)])
def test_values_as_they_are(encodings: tuple[int, int], *, has_plain: bool) -> None:
    """One page of values that stand in no dictionary is enough."""
    chunk = b"".join(_page(kind, encoding=each) for kind, each in zip((0, 3), encodings, strict=True))

    assert check_pages(chunk, values=2).has_plain is has_plain


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (_page(unpacked=2**31 - 1), "a page of 2147483647 bytes"),
        (_page()[:-1], "in the middle of a page"),
        (_page()[:5], "it ends in the middle$"),
        (_page(), "it ends in the middle$"),
        (_page(values=3), "more values than its footer says"),
        (_page(encoding=7), "DELTA_BYTE_ARRAY"),
        (_struct(f1=0, f2=1, f3=0), "without a header of its kind"),
        (_struct(f1=0, f2=1, f3=0, f5=3), "without a header of its kind"),
        (_struct(f1=0, f2=1, f3=0, f5=_struct(f2=0)), "field 1 is no number"),
        (_struct(f1=0, f2=1, f3=0, f5=_struct(f1=1)), "field 2 is no number"),
        (_struct(f1=0, f3=0), "field 2 is no number"),
        (_struct(f1=0, f2=(_I32, b"\1"), f3=0), "field 2 is no number"),
    ],
)
def test_hostile_pages(chunk: bytes, message: str) -> None:
    """What a library would choke on is found before it sees it."""
    with pytest.raises(ValueError, match=message):
        check_pages(chunk, values=2)


def test_pages_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of empty pages is given up."""
    monkeypatch.setattr(parquet_pages, "_MAX_PAGES", 10)

    with pytest.raises(ValueError, match="more than 10 pages"):
        check_pages(_page(values=0) * 20, values=1)
