"""What a check found."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One fault in one place."""

    path: Path
    line: int
    #: The rule that was broken, as ``group: rule``.
    rule: str
    message: str

    def __str__(self) -> str:
        """One line, as editors can jump to it."""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"
