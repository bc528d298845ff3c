"""XML from strangers: no DTD and so no entities, in UTF-8, no deeper than 32 levels."""

from typing import override

# A document type is refused before anything in it is read, and expat fetches nothing.
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

_MAX_DEPTH = 32


def parse_xml(body: bytes) -> Element:
    """Parse a document, its names without their namespaces; raises ValueError. Large bodies go to a thread."""
    parser = XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314 - see above
    try:
        parser.feed(body)
        return parser.close()
    except ParseError as error:
        raise ValueError(str(error)) from error


class _Builder(TreeBuilder):
    """Builds no more than is wanted of a stranger's document."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    @override
    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"the XML is nested more than {_MAX_DEPTH} levels deep")
        return super().start(_bare(tag), attrs)

    @override
    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(_bare(tag))

    def doctype(self, *_: object) -> None:
        """What the parser tells of a document type (its names), before what that declares."""
        raise ValueError("the XML has a document type, which no answer of a store has")


def _bare(tag: str) -> str:
    """``{http://s3.amazonaws.com/doc/2006-03-01/}Key`` without its namespace."""
    return tag.rpartition("}")[2]
