"""Versions and machine, as they stand beside the results."""

import importlib.metadata
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks.workloads import size_text

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("aiohttp", "azure-storage-blob", "azure-data-tables", "azure-functions-runtime")


def commit() -> str:
    """The commit that is measured, and whether files differ from it."""
    head = _said("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    return f"{head}, with changes" if _said("git", "status", "--porcelain", "--untracked-files=no") else head


def environment(rclone: str) -> Mapping[str, str]:
    """What else the figures depend on."""
    azurite = json.loads((_ROOT / "node_modules/azurite/package.json").read_text(encoding="utf-8"))["version"]
    return {
        "processors": f"{os.cpu_count()} x {_processor()}",
        "memory": size_text(psutil.virtual_memory().total),
        "Azurite's files on": file_system(Path(tempfile.gettempdir())),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rclone": rclone,
        "azurite": azurite,
        **{each: importlib.metadata.version(each) for each in _PACKAGES},
    }


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on; TMPDIR chooses the folder: a slow disk makes all clients alike."""
    places = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    mounted = [each for each in (folder.resolve(), *folder.resolve().parents) if each in places]
    return places[mounted[0]] if mounted else "unknown"


def rclone_version() -> str | None:
    """The version of rclone, or None where there is no rclone."""
    said = _said("rclone", "version")
    return said.splitlines()[0].removeprefix("rclone ") if said else None


def _said(*command: str) -> str:
    """What a command prints; nothing where it fails or isn't there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((each.partition(":")[2].strip() for each in lines if each.startswith("model name")), platform.machine())
