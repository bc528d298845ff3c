"""The kind of catalog that docs/new-catalog.md writes."""

import functools
import re
import sys
from pathlib import Path
from types import ModuleType

_PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "new-catalog.md"


def block(language: str) -> str:
    """The only block of code in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return found


@functools.cache
def json_index() -> ModuleType:
    """The module, as the page has it."""
    module = ModuleType("documented_json_index")
    # Annotations are looked up there.
    sys.modules[module.__name__] = module
    exec(compile(block("python"), str(_PAGE), "exec"), module.__dict__)
    return module
