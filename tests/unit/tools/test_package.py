import zipfile
from pathlib import Path

import pytest

from tools.package import main, write


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with an app and what must not be deployed."""
    root = tmp_path / "app"
    for name in (
        "function_app.py",
        "shared/a.py",
        "shared/__pycache__/a.pyc",
        "tests/test_a.py",
        "local.settings.json",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / ".funcignore").write_text("# comment\n.*\n__pycache__\ntests\nlocal.settings*.json\n")
    return root


def test_what_is_deployed(app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The package has what .funcignore leaves, and says so."""
    code = main([str(tmp_path / "a.zip")], root=app)

    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        content = {each: package.read(each).decode() for each in package.namelist()}
    assert code == 0
    assert content == {"function_app.py": "function_app.py", "shared/a.py": "shared/a.py"}
    assert "2 files" in capsys.readouterr().out


def test_same_bytes(app: Path, tmp_path: Path) -> None:
    """Another checkout, at another time and with other permissions, gives the same bytes."""
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"

    write(first, root=app)
    (app / "function_app.py").touch()
    (app / "function_app.py").chmod(0o600)
    write(second, root=app)

    assert first.read_bytes() == second.read_bytes()


def test_own_package(root: Path, tmp_path: Path) -> None:
    """Sluice's own package has the app, its settings of the host, its list of packages and its datasets: no more."""
    names = write(tmp_path / "a.zip", root=root)

    outside = [each for each in names if not each.startswith("shared/")]
    assert outside == ["datasets.toml", "function_app.py", "host.json", "requirements.txt", "smoke.tsv"]
    inside = [each for each in names if each.startswith("shared/") and not each.endswith(".py")]
    page = sorted(each.relative_to(root).as_posix() for each in (root / "shared/api/web").iterdir())
    assert inside == [*page, "shared/prices.toml"]
