"""An operator at a terminal: the command line in a process of its own, on a pipeline that runs."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from tests.end_to_end.pipeline import Pipeline, settings_of

_TIMEOUT_SECONDS = 60
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """What it printed with ``--json``: one value a line."""
        return [json.loads(each) for each in self.out.splitlines()]

    @property
    def value(self) -> Any:
        """The one value that it printed with ``--json``."""
        (only,) = self.rows
        return only


def sluice(pipeline: Pipeline, *arguments: str, typed: str = "") -> Ran:
    """Run ``sluice`` with these arguments on the app's folder and account; ``typed`` is its stdin, no terminal.

    It doesn't go through the wire: what the app itself asked for is counted there.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "sluice", *arguments],
        cwd=pipeline.root,
        env=_environment(pipeline),
        input=typed,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    return Ran(code=ran.returncode, out=ran.stdout, err=ran.stderr)


@contextlib.contextmanager
def watching(pipeline: Pipeline, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run a command that doesn't end by itself; it is killed at the block's end."""
    command = [sys.executable, "-m", "sluice", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=pipeline.root, env=_environment(pipeline), stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _environment(pipeline: Pipeline) -> Mapping[str, str]:
    settings = dict(settings_of(pipeline.wire)) | {"SluiceStorage": pipeline.storage.connection_string}
    return {**os.environ, **settings, "PYTHONPATH": str(_ROOT), "COLUMNS": "120", "NO_COLOR": "1"}
