"""Destination names: injective, and never out of their place.

Live Azure stores ``./key`` as ``key``, drops a trailing dot and turns a backslash into a slash, so that two names can
mean one blob (https://github.com/Azure/azure-sdk-for-rust/issues/5275). Here every value that comes from outside is
one component: what isn't plainly safe is percent-encoded, the percent sign included.
"""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from shared.model.errors import BadNameError

#: A dataset's name: it stands in table keys, in blob names and in addresses.
type DatasetName = Annotated[str, Field(min_length=1, max_length=48, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]

_SAFE = frozenset(string.ascii_letters + string.digits + "-_.~=+,@:()")
_SEGMENT = re.compile(f"(?:[{re.escape(''.join(sorted(_SAFE)))}]|%[0-9A-F]{{2}})*")
_MAX_CHARACTERS = 1024
_MAX_SEGMENTS = 254
#: What a template may name.
FIELDS = ("dataset", "collection", "id", "item", "key", "file", "path", "host", "year", "month", "day")
_ITEM_FIELDS = ("dataset", "collection", "id", "item")
_COLLECTION_FIELDS = ("dataset", "collection")
#: Those whose length never changes, or which are the same for a whole dataset.
_FIXED = frozenset({"dataset", "year", "month", "day"})


def blob_name(template: str, values: Mapping[str, str | None]) -> str:
    """Fill a template such as ``{collection}/{id}/{key}/{file}``; every value is one component, but for ``path``.

    Raises BadNameError where a value is missing, a segment would be empty, ``.`` or ``..``, or the name is too long.
    """
    parts: list[str] = []
    for literal, field, _, _ in string.Formatter().parse(template):
        parts.append(literal)
        if field is not None:
            parts.append(_value(field, values))
    return check_name("".join(parts))


def encoded_path(path: str) -> str:
    """A path with each of its segments encoded as one component."""
    return "/".join(encoded(segment) for segment in path.split("/"))


def encoded(component: str) -> str:
    """One component: safe characters as they are, all others percent-encoded in UTF-8, a dot at the end too."""
    if component in {".", ".."}:
        raise BadNameError(f"{component!r} can't be part of a blob's name")
    text = "".join(each if each in _SAFE else _percent(each) for each in component)
    return text[:-1] + "%2E" if text.endswith(".") else text


def check_name(name: str) -> str:
    """Return the name if it is one that this module could have made; raises BadNameError."""
    segments = name.split("/")
    if len(name) > _MAX_CHARACTERS or len(segments) > _MAX_SEGMENTS:
        raise BadNameError(f"a blob's name has at most {_MAX_CHARACTERS} characters and {_MAX_SEGMENTS} segments")
    for segment in segments:
        if segment in {"", ".", ".."} or segment.endswith("."):
            raise BadNameError(f"the segment {segment!r} can't be part of a blob's name")
        if not _SEGMENT.fullmatch(segment):
            raise BadNameError(f"the segment {segment!r} has characters that aren't percent-encoded")
    return name


def check_template(template: str) -> str:
    """Return the template if every name it makes tells item and asset apart; raises ValueError."""
    fields = _fields(template, known=FIELDS)
    names_item = "item" in fields or {"collection", "id"} <= fields
    if "path" not in fields and not (names_item and {"key", "file"} & fields):
        raise ValueError("a name needs {path}, or {item} (or {collection} and {id}) with {key} or {file}")
    _check_segments(template)
    return template


def check_item_template(template: str) -> str:
    """Return the template if every name it makes of an item tells items apart; raises ValueError."""
    fields = _fields(template, known=_ITEM_FIELDS)
    if "item" not in fields and not {"collection", "id"} <= fields:
        raise ValueError("an item's name needs {item}, or {collection} and {id}")
    _check_segments(template)
    return template


def check_collection_template(template: str) -> str:
    """Return the template if every name it makes of a collection tells collections apart; raises ValueError."""
    if "collection" not in _fields(template, known=_COLLECTION_FIELDS):
        raise ValueError("a collection's name needs {collection}")
    _check_segments(template)
    return template


def path_of(href: str) -> str:
    """The path of an href, with its query as part of the last segment."""
    parts = urlsplit(href)
    return parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")


def _fields(template: str, *, known: Sequence[str]) -> set[str]:
    parsed = list(string.Formatter().parse(template))
    fields = {field for _, field, _, _ in parsed if field is not None}
    if unknown := fields.difference(known):
        raise ValueError(f"{{{min(unknown)}}} is no field of a name; these are: {', '.join(known)}")
    if any(form or conversion for _, _, form, conversion in parsed):
        raise ValueError("a field stands alone in its braces, without format or conversion")
    return fields


def _check_segments(template: str) -> None:
    """Two fields in one segment can't be told apart: ``{id}-{key}`` is the same for (a-b, c) and (a, b-c)."""
    for segment in template.split("/"):
        together = [field for _, field, _, _ in string.Formatter().parse(segment) if field and field not in _FIXED]
        if len(together) > 1:
            raise ValueError(f"in {segment!r}, {{{together[0]}}} and {{{together[1]}}} need a / between them")
    if template.count("{path}") > 1:
        raise ValueError("a name has {path} only once")
    try:
        blob_name(template, dict.fromkeys(FIELDS, "x"))
    except BadNameError as error:
        raise ValueError(str(error)) from error


def _value(field: str, values: Mapping[str, str | None]) -> str:
    value = values.get(field)
    if not value:
        raise BadNameError(f"the destination's name asks for {{{field}}}, which this asset hasn't")
    if len(value) > _MAX_CHARACTERS:
        # Encoded it is no shorter, and a stranger's megabytes would take long to encode.
        raise BadNameError(
            f"{{{field}}} has more than {_MAX_CHARACTERS} characters, and a blob's name none beyond these"
        )
    return encoded_path(value) if field == "path" else encoded(value)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
