import subprocess
import sys
from pathlib import Path

import pytest

from tools.start import StartRefusedError, command, main


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with settings."""
    (tmp_path / "local.settings.json").write_text("{}")
    return tmp_path


def program(folder: Path, name: str) -> Path:
    folder.mkdir()
    file = folder / name
    file.write_text('#!/bin/sh\necho "$PWD" "$@"\n')
    file.chmod(0o755)
    return file


def test_core_tools_come_first(app: Path) -> None:
    """Where Core Tools are installed they run the app."""
    func = program(app / "bin", "func")

    line = command(["--port", "7072"], root=app, path=str(app / "bin"))

    assert line == [str(func), "start", "--port", "7072"]


def test_local_host_otherwise(app: Path) -> None:
    """Without Core Tools the project's own host runs the app, with the same words."""
    line = command(["--port", "7072"], root=app, path=str(app / "empty"))

    assert line == [sys.executable, "-m", "functions_host", "start", "--port", "7072"]


@pytest.mark.parametrize("option", ["--lease-for-tests", "--lease-for-tests=5", "--lease"])
def test_lease_of_tests_is_refused(app: Path, option: str) -> None:
    """A lease that is shorter than the platform's can't be had."""
    with pytest.raises(StartRefusedError, match="ten minutes"):
        command([option, "5"], root=app, path="")


def test_missing_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without settings the way to get them is said."""
    code = main([], root=tmp_path)

    expected = "start: there is no local.settings.json; begin with: cp local.settings.sample.json local.settings.json\n"
    assert (code, capsys.readouterr().err) == (2, expected)


def test_becomes_the_host(app: Path, root: Path) -> None:
    """The host runs in the app's folder and gets the arguments."""
    program(app / "bin", "func")
    code = f"import tools.start, pathlib; tools.start.main(['--verbose'], root=pathlib.Path({str(app)!r}))"

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={"PATH": f"{app / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert ended.stdout == f"{app} start --verbose\n"
