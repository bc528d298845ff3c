"""Checks how our own templates are written."""

import re
from collections.abc import Iterator

from tools.infra.findings import Finding
from tools.infra.syntax import Module, Node, Output, Parameter, Resource, Template, Text

_CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")
_OUTPUT = re.compile(r"[a-z][a-zA-Z0-9]*|[A-Z][A-Z0-9_]*")
_BOUNDS = {"string": ("minLength", "maxLength"), "int": ("minValue", "maxValue"), "array": ("maxLength",)}


def check_style(template: Template) -> Iterator[Finding]:
    """Find names, descriptions and bounds that aren't as they have to be."""
    for each in template.declarations:
        pattern = _OUTPUT if isinstance(each, Output) else _CAMEL
        if not pattern.fullmatch(each.name):
            yield _finding(template, each, "name", f"{each.name} is not in camelCase")
        match each:
            case Parameter():
                yield from _parameter(template, each)
            case Output() if "description" not in each.decorators:
                yield _finding(template, each, "description", f"output {each.name} is not described")
            case Resource():
                yield from _resource(template, each)
            case Module() if ":" in each.path:
                yield _finding(template, each, "registry", "modules come from this folder, so that they can be checked")
            case _:
                pass


def _parameter(template: Template, parameter: Parameter) -> Iterator[Finding]:
    described = parameter.decorators.get("description", ())
    text = described[0].plain or "" if described and isinstance(described[0], Text) else ""
    begins = ("Required. ",) if parameter.default is None else ("Optional. ", "Conditional. ")
    if not text.startswith(begins):
        message = f"the description of {parameter.name} has to begin with {' or '.join(begins)}"
        yield _finding(template, parameter, "description", message)
    kind = "array" if parameter.type.endswith("[]") else parameter.type
    # An empty text often stands for none, so only the upper bound is asked for.
    wanted = [each for each in _BOUNDS.get(kind, ()) if each != "minLength" or parameter.default is None]
    missing = [each for each in wanted if each not in parameter.decorators]
    if missing and "allowed" not in parameter.decorators:
        yield _finding(template, parameter, "bounds", f"{parameter.name} has no {' and no '.join(missing)}")


def _resource(template: Template, resource: Resource) -> Iterator[Finding]:
    name = resource.body.get("name")
    pieces = name.parts if isinstance(name, Text) else ()
    if any("/" in each for each in pieces if isinstance(each, str)):
        yield _finding(template, resource, "parent", f"{resource.name} has to name its parent, not the path")


def _finding(template: Template, at: Node, rule: str, message: str) -> Finding:
    return Finding(path=template.path, line=at.line, rule=f"style: {rule}", message=message)
