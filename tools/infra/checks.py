"""Runs every check on the templates of a folder."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.infra.alarms import check_alarms
from tools.infra.deployment import deployed
from tools.infra.drift import check_drift
from tools.infra.findings import Finding
from tools.infra.policy import check_contents, check_deployed
from tools.infra.project import Project
from tools.infra.reader import read_template
from tools.infra.schemas import check_bodies, check_reads
from tools.infra.scopes import Scope
from tools.infra.shapes import Shape
from tools.infra.style import check_style
from tools.infra.symbols import check_cycles, check_symbols, check_values
from tools.infra.syntax import Parameter, SyntaxInvalidError, Variable

#: What the checks are called, in the order of a run.
GROUPS = ("syntax", "symbols", "schemas", "policy", "style", "drift")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of a set of templates, by path; one of them is the main one."""

    main: Path
    files: Mapping[Path, bytes]

    def read(self, path: Path) -> bytes:
        """A file's contents; raises FileNotFoundError."""
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def changed(self, path: Path, contents: bytes) -> "Sources":
        """The same files but for one."""
        return dataclasses.replace(self, files={**self.files, path: contents})


def read_sources(folder: Path) -> Sources:
    """Read all templates of a folder, with paths as they are shown."""
    paths = sorted(each for each in folder.rglob("*") if each.suffix in (".bicep", ".bicepparam"))
    shown = {path: Path(folder.name) / path.relative_to(folder) for path in paths}
    return Sources(main=Path(folder.name) / "main.bicep", files={shown[each]: each.read_bytes() for each in paths})


def check(sources: Sources, project: Project | None) -> list[Finding]:
    """Everything that is wrong, by place; without a project, only what holds for anybody's templates."""
    broken = [found for path in sources.files for found in _syntax(path, sources)]
    # What is made of itself would be followed for ever.
    broken = broken or [found for each in _scopes(sources) for found in check_cycles(each.template)]
    return sorted({*(broken or _meaning(sources, project))})


def check_officially(sources: Sources, shapes: Mapping[str, Shape]) -> list[Finding]:
    """What is wrong with the bodies of the resources, by other shapes than those of rules.toml."""
    return sorted({*check_bodies(deployed(root_of(sources)), shapes)})


def root_of(sources: Sources) -> Scope:
    """The main template, with the values of the .bicepparam file."""
    return _root(sources, _scopes(sources))


def _syntax(path: Path, sources: Sources) -> Iterator[Finding]:
    try:
        read_template(path, sources.files[path])
    except SyntaxInvalidError as error:
        yield Finding(path=path, line=error.line, rule="syntax: not Bicep", message=str(error))


def _meaning(sources: Sources, project: Project | None) -> Iterator[Finding]:
    scopes = _scopes(sources)
    root = _root(sources, scopes)
    for each in scopes:
        if each.template.path.suffix == ".bicepparam":
            yield from check_values(each, root.template)
            continue
        yield from check_symbols(each)
        yield from check_reads(each)
        yield from check_contents(each.template)
        yield from check_style(each.template) if project else ()
    try:
        resources = list(deployed(root))
    except OSError:
        return  # a module's file is missing: check_symbols has said so
    yield from check_bodies(resources)
    yield from check_deployed(resources)
    yield from check_drift(resources, project) if project else ()
    yield from check_alarms(resources, project) if project else ()


def _scopes(sources: Sources) -> list[Scope]:
    files = sources.files.items()
    return [Scope(template=read_template(path, contents), read_file=sources.read) for path, contents in files]


def _root(sources: Sources, scopes: Sequence[Scope]) -> Scope:
    """The main template, its parameters being what the .bicepparam file says, else their defaults."""
    root = next(each for each in scopes if each.template.path == sources.main)
    defaults = {name: each.default for name, each in root.template.of(Parameter).items() if each.default is not None}
    values = {name: root.bind(each) for name, each in defaults.items()}
    for scope in scopes:
        if scope.template.path.suffix == ".bicepparam":
            values |= {name: scope.bind(each.value) for name, each in scope.template.of(Variable).items()}
    return root.with_variables(values)
