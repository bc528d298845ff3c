"""The pages of a chunk before a library unpacks them: how large they say that they are.

Each page begins with a header in Thrift's compact protocol, of which these fields are read (numbers are theirs;
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift)::

    1 type   2 uncompressed_page_size   3 compressed_page_size
    5 data_page_header {1 num_values, 2 encoding}   7 dictionary_page_header {1 num_values}
    8 data_page_header_v2 {1 num_values, 4 encoding}

A library makes as much room as a header says, and a zstd page of a kilobyte may say two gigabytes and keep its word.
"""

import dataclasses

from shared.catalogs.parquet_thrift import Fields, Shape, number, read_struct

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_HEADER: Shape = {1: None, 2: None, 3: None, 5: {1: None, 2: None}, 8: {1: None, 4: None}}
#: What is unpacked at once. Writers that know no limit make one page of a chunk.
_MAX_PAGE_BYTES = 64 * 1024 * 1024
_MAX_PAGES = 100_000
#: Each value repeats the beginning of the one before: a few bytes are a page of texts as long as anybody likes.
_DELTA_BYTE_ARRAY = 7
#: PLAIN_DICTIONARY, RLE_DICTIONARY.
_DICTIONARIES = frozenset({2, 8})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What the pages of a chunk unpack to, in bytes."""

    dictionary: int = 0
    #: The largest data page, and all of them.
    largest: int = 0
    total: int = 0
    #: Whether values stand in some data pages as they are, and not as places in the dictionary.
    has_plain: bool = False


def check_pages(chunk: bytes | memoryview, *, values: int) -> Pages:
    """Tell how large the pages of a chunk are; raises ValueError.

    The pages have to have all ``values``; bytes after them are nobody's.
    """
    found = Pages()
    at = pages = 0
    while values:
        pages += 1
        if pages > _MAX_PAGES:
            raise ValueError(f"more than {_MAX_PAGES} pages; write larger ones")
        header, at = read_struct(chunk, _HEADER, at=at)
        unpacked, packed = number(header, 2), number(header, 3)
        if max(unpacked, packed) > _MAX_PAGE_BYTES:
            raise ValueError(
                f"a page of {max(unpacked, packed)} bytes, and {_MAX_PAGE_BYTES} it may have; write smaller ones"
            )
        at += packed
        if at > len(chunk):
            raise ValueError("it ends in the middle of a page")
        match number(header, 1):
            case kind if kind in {_DATA, _DATA_V2}:
                count, encoding = _values(header, is_new=kind == _DATA_V2)
                values -= count
                found = dataclasses.replace(
                    found,
                    largest=max(found.largest, unpacked),
                    total=found.total + unpacked,
                    has_plain=found.has_plain or encoding not in _DICTIONARIES,
                )
            case kind if kind == _DICTIONARY:
                found = dataclasses.replace(found, dictionary=max(found.dictionary, unpacked))
            case _:
                # An index: libraries pass by it.
                pass
        if values < 0:
            raise ValueError("its pages have more values than its footer says")
    return found


def _values(header: Fields, *, is_new: bool) -> tuple[int, int]:
    """How many a data page has, and how they are encoded."""
    page = header.get(8 if is_new else 5)
    if not isinstance(page, dict):
        raise ValueError("a page without a header of its kind")  # noqa: TRY004 - it is what a file says
    encoding = number(header[8 if is_new else 5], 4 if is_new else 2)
    if encoding == _DELTA_BYTE_ARRAY:
        raise ValueError("the encoding DELTA_BYTE_ARRAY isn't read; write it with a dictionary, or plain")
    return number(header[8 if is_new else 5], 1), encoding
