"""JSON from strangers: no deeper than 64 levels, no NaN, no numbers of a million digits."""

import json
import re
from typing import Annotated, Any, NoReturn

from pydantic import JsonValue, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from shared.redaction import cut, redacted

_MAX_DEPTH = 64
# Possessive, and taken to the end if it doesn't end: no byte is tried twice, whatever an escaped quote looks like.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)).difference(b"[]{}"))
_SHOWN_CHARACTERS = 120


def parse_json(body: bytes) -> JsonValue:
    """Parse a document in UTF-8; raises ValueError. It takes a second for 64 MiB: large bodies go to a thread."""
    if _is_deep(body):
        raise ValueError(f"the JSON is nested more than {_MAX_DEPTH} levels deep")
    return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)


def explained(error: ValueError) -> str:
    """One line for people: of a ValidationError the first field that is wrong, what is wrong, and what stands there."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    field = ".".join(str(each) for each in first["loc"]) or "the whole"
    return f"{field}: {first['msg']}, found {shown(first['input'])}"


def shown(value: object) -> str:
    """What stands there, for an error's text: redacted and short."""
    return cut(redacted(repr(value)[: 32 * _SHOWN_CHARACTERS]), _SHOWN_CHARACTERS)


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


#: A field that is None where what stands there can't be read.
type Lenient[T] = Annotated[T | None, WrapValidator(_or_none)]


def _is_deep(body: bytes) -> bool:
    """Tell whether brackets are nested too deep: without loops over bytes, which would take a minute for 64 MiB."""
    brackets = _STRING.sub(b"", body).translate(_SQUARE, _NO_BRACKETS)
    for _ in range(_MAX_DEPTH):
        # Each turn takes the innermost level away; what doesn't close stays, and is for the parser to explain.
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return b"[]" in brackets or len(brackets) > _MAX_DEPTH


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
