"""W3C Trace Context, as far as a message carries it: https://www.w3.org/TR/trace-context/."""

import re
from typing import NewType

#: Version, trace, span and flags, in lower-case hex.
Traceparent = NewType("Traceparent", str)

# Version 00 alone: of a later one nobody knows yet what else it has. Ids of zeros are invalid.
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def well_formed(value: object) -> Traceparent | None:
    """The value if it is a traceparent, else None."""
    return Traceparent(value) if isinstance(value, str) and _FORM.fullmatch(value) else None
