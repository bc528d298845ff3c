"""A bug as a change of text, and how a process gets a pipeline that has it.

The changed text is compiled as the module is imported; no file is touched, and nothing of it is cached.
"""

import dataclasses
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import override

#: What has to be imported anew, as it holds on to what it has imported of the pipeline.
_HOLDERS = ("shared", "tests.fakes", "tests.simulation")
#: What doesn't, and has to know its own classes again.
_STRANGERS = ("tests.simulation.plants", "tests.simulation.mutants")
_ROOT = Path(__file__).parents[3]


class GoneError(Exception):
    """The text that a plant changes doesn't stand there, or stands there more than once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A text of a module, and what is put in its place."""

    module: str
    old: str
    new: str

    def of(self, source: str) -> str:
        """The module's source with the bug; raises GoneError."""
        if (times := source.count(self.old)) != 1:
            raise GoneError(f"{self.module} has this {times} times, not once:\n{self.old}")
        return source.replace(self.old, self.new)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A way to break the rules."""

    name: str
    #: In one sentence: what the bug does.
    says: str
    edits: tuple[Edit, ...]

    def source(self, module: str) -> str:
        """A module's source with the bug; raises GoneError."""
        source = path_of(module).read_text()
        for each in self.edits:
            if each.module == module:
                source = each.of(source)
        return source


def plant(name: str, says: str, *edits: Edit) -> Plant:
    """A plant of edits."""
    return Plant(name=name, says=says, edits=edits)


def hunk(module: str, text: str) -> Edit:
    """An edit as a patch has it: lines that go begin with ``-``, lines that come with ``+``, others with a space."""
    lines = [each or " " for each in text.removeprefix("\n").splitlines()]
    old, new = ("".join(f"{each[1:]}\n" for each in lines if each[0] in signs) for signs in (" -", " +"))
    return Edit(module=module, old=old, new=new)


def path_of(module: str) -> Path:
    """Where a module's source is."""
    path = _ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def grow(planted: Plant) -> None:
    """Let this process have the bug: whatever is imported of the pipeline from now on.

    For a process that does nothing else: what has imported the pipeline already is forgotten, not changed.
    """
    for name in [each for each in sys.modules if each.startswith(_HOLDERS) and not each.startswith(_STRANGERS)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(planted))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, planted: Plant) -> None:
        self._planted = planted
        self._modules = {each.module for each in planted.edits}

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname not in self._modules:
            return None
        loader = _Loader(fullname, str(path_of(fullname)), planted=self._planted)
        return importlib.util.spec_from_file_location(fullname, path_of(fullname), loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, *, planted: Plant) -> None:
        super().__init__(fullname, path)
        self._planted = planted

    @override
    def get_code(self, fullname: str) -> CodeType:
        """Past the cache of compiled code, which stays what it is."""
        return compile(self._planted.source(fullname), self.path, "exec", dont_inherit=True)
