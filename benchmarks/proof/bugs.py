"""What the proofs have found in Sluice itself: written down by hand in ``benchmarks/bugs_found.toml``."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.proof.reports import ReportError, wrong


class Bug(BaseModel):
    """A bug, and the evidence."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    what: str
    #: Which of the proofs.
    found_by: str
    #: What shows it again on the code of then: a seed, a case, or the test that was made of it.
    seed: str
    #: The commit; empty: none yet.
    mended_by: str


class _Bugs(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    bugs: Sequence[Bug]


def read_bugs(file: Path) -> Sequence[Bug]:
    """Read all; raises ReportError where one lacks something."""
    try:
        return _Bugs.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).bugs
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ReportError(f"{file.name} can't be read: {error}") from error
    except ValidationError as error:
        raise ReportError(f"{file.name}: {wrong(error)}") from error
