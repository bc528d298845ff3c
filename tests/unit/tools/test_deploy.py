"""The deployment's lines, run against stand-ins for az and Python that write down what they were asked."""

import shutil
import subprocess
from pathlib import Path

import pytest

_AZ = """#!/bin/sh
echo "az $*" >> "$LOG"
case "$*" in
    "account show"*) exit ${LOGGED_OUT:-0} ;;
    "functionapp deployment"*) exit ${REFUSED:-0} ;;
    *AZURE_FUNCTION_NAME*) echo app-1 ;;
    *AZURE_FUNCTION_HOST_NAME*) echo app-1.example.net ;;
    "functionapp keys list"*) echo key-1 ;;
esac
"""
_PYTHON = """#!/bin/sh
echo "python $* with key ${FUNCTION_KEY:-none}" >> "$LOG"
case "$*" in *tools.smoke*) exit ${SMOKE:-0} ;; esac
"""


class Project:
    """A folder with the script and its stand-ins."""

    def __init__(self, folder: Path, *, root: Path) -> None:
        self.folder = folder
        (folder / "tools").mkdir()
        (folder / "bin").mkdir()
        (folder / ".venv/bin").mkdir(parents=True)
        shutil.copy(root / "tools/deploy.sh", folder / "tools")
        self._program("bin/az", _AZ)
        self._program(".venv/bin/python", _PYTHON)

    def deploy(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        variables = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "LOG": str(self.folder / "log"), **environment}
        command = ["sh", "tools/deploy.sh", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=30, check=False
        )

    @property
    def log(self) -> list[str]:
        """What was asked of the stand-ins, in order."""
        return (self.folder / "log").read_text().splitlines()

    def _program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Project:
    return Project(tmp_path, root=root)


def test_every_step_in_order(project: Project) -> None:
    """Group, templates, package, code, first run, in this order: each is shown, and the key is in no argument."""
    ended = project.deploy("rg", "westeurope")

    show = "az deployment group show --resource-group rg --name sluice --query properties.outputs"
    assert ended.returncode == 0
    assert project.log == [
        "az account show --output none",
        "az group create --name rg --location westeurope --output none",
        (
            "az deployment group create --resource-group rg --name sluice --template-file infra/main.bicep"
            " --parameters infra/main.bicepparam --output none"
        ),
        f"{show}.AZURE_FUNCTION_NAME.value --output tsv",
        f"{show}.AZURE_FUNCTION_HOST_NAME.value --output tsv",
        "python -m tools.package package.zip with key none",
        (
            "az functionapp deployment source config-zip --resource-group rg --name app-1 --src package.zip"
            " --build-remote true --timeout 600 --output none"
        ),
        "az functionapp keys list --resource-group rg --name app-1 --query functionKeys.default --output tsv",
        "python -m tools.smoke https://app-1.example.net with key key-1",
    ]
    shown = [line.removeprefix("+ ") for line in ended.stderr.splitlines() if line.startswith("+ ")]
    assert shown == [each for each in project.log[1:] if each.startswith("az ")]


def test_stops_at_the_first_failure(project: Project) -> None:
    """Code that Azure refuses isn't tried."""
    ended = project.deploy("rg", "westeurope", REFUSED="3")

    assert ended.returncode == 3
    assert project.log[-1].startswith("az functionapp deployment source config-zip")


def test_first_run_that_fails(project: Project) -> None:
    """A deployment whose first run doesn't end well has failed, and says where to look."""
    ended = project.deploy("rg", "westeurope", SMOKE="1")

    assert ended.returncode == 1
    assert "a run of three assets did not end well; see docs/deploy.md" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        ((), {}, "usage: make deploy RESOURCE_GROUP=… LOCATION=…"),
        (("rg",), {}, "usage: make deploy RESOURCE_GROUP=… LOCATION=…"),
        (("rg", "westeurope"), {"LOGGED_OUT": "1"}, "nobody is logged in; run: az login"),
        (("rg", "westeurope"), {"PATH": "/usr/bin:/bin"}, "the az CLI isn't installed"),
    ],
)
def test_what_is_missing(
    project: Project, arguments: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    """What is missing is said in one sentence, before anything is made."""
    ended = project.deploy(*arguments, **environment)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"deploy: {sentence}")
