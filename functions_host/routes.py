"""Which function an HTTP request is for.

Sources: ASP.NET Core's route templates; azure-functions-host WebScriptHostHttpRoutesManager.cs (a method is a route
constraint, so that a wrong one is 404 and not 405) and ScriptHost.cs (ValidateHttpFunction, HttpRoutesConflict).
"""

import dataclasses
import re
import uuid
from collections.abc import Callable, Iterable, Mapping

from functions_host.functions import Function

_RESERVED = ("admin", "runtime")
#: {x}, {x?}, {x:int}, {x:int=1}, {*rest} and {**rest}.
_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::\w+)*)(?:=([^{}?]*))?(\?)?\}")
_INT_32 = range(-(2**31), 2**31)
_INT_64 = range(-(2**63), 2**63)


class TemplateError(ValueError):
    """A route's template can't be read; its function gets no route."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The function a request is for, with the values its path gives the route's parameters."""

    function: Function
    params: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A function that gets no route, and why; the others are not affected."""

    function: Function
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The routes of an app's HTTP functions, in the order in which they are tried."""

    routes: tuple["Route", ...]
    refused: tuple[Refused, ...]

    def find(self, method: str, path: str) -> Match | None:
        """Find the first route that matches; ``path`` is decoded, but for ``%2F``."""
        for route in self.routes:
            params = route.template.match(path) if not route.methods or method.upper() in route.methods else None
            if params is not None:
                return Match(function=route.function, params=params)
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One HTTP function's route."""

    function: Function
    #: As the function states it, without the prefix and without slashes at its ends.
    text: str
    template: "Template"
    #: In upper case; empty means all.
    methods: frozenset[str]


def route_functions(functions: Iterable[Function], *, prefix: str) -> Routes:
    """Make the routes of the HTTP functions among these; ``prefix`` (``api`` by default) stands before each."""
    routes: list[Route] = []
    refused: list[Refused] = []
    for function in functions:
        if function.kind != "httptrigger":
            continue
        try:
            route = _route(function, prefix=prefix)
        except TemplateError as error:
            refused.append(Refused(function=function, reason=str(error)))
            continue
        reason = _objection(route, routes)
        if reason is None:
            routes.append(route)
        else:
            refused.append(Refused(function=function, reason=reason))
    return Routes(routes=tuple(routes), refused=tuple(refused))


def route_text(function: Function) -> str:
    """The route of an HTTP function without the prefix: its own, or else its name."""
    own = str(function.trigger.get("route") or "")
    # "/" is a route of its own, the root; the template of it is empty.
    return (own if own.strip() else function.name).strip("/")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A route's template, read."""

    _pattern: re.Pattern[str]
    _parameters: tuple["_Parameter", ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template.

        Raises:
            TemplateError: it is malformed, or it has a constraint that is not known here.
        """
        parameters: list[_Parameter] = []
        pattern = ""
        segments = text.strip("/").split("/") if text.strip("/") else []
        for index, segment in enumerate(segments):
            pattern += _segment(segment, parameters, last=index == len(segments) - 1)
        return cls(_pattern=re.compile(f"{pattern}/?", re.IGNORECASE), _parameters=tuple(parameters))

    def match(self, path: str) -> Mapping[str, str] | None:
        """The values of the parameters, or ``None`` if the path is another's; absent optional ones are left out."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        given = {parameter: text for parameter, text in zip(self._parameters, found.groups(), strict=True) if text}
        if not all(parameter.accepts(text) for parameter, text in given.items()):
            return None
        defaults = {each.name: each.default for each in self._parameters if each.default is not None}
        return defaults | {parameter.name: text for parameter, text in given.items()}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parameter:
    name: str
    constraints: tuple[str, ...]
    default: str | None
    catch_all: bool
    optional: bool

    def accepts(self, text: str) -> bool:
        return all(_CONSTRAINTS[each](text) for each in self.constraints)


def _route(function: Function, *, prefix: str) -> Route:
    text = route_text(function)
    return Route(
        function=function,
        text=text,
        template=Template.parse(f"{prefix.strip('/')}/{text}"),
        methods=frozenset(str(each).upper() for each in function.trigger.get("methods") or ()),
    )


def _objection(route: Route, others: Iterable[Route]) -> str | None:
    # The text itself counts and not its first segment: "administer" is refused as well.
    if route.text.lower().startswith(_RESERVED):
        return "The specified route conflicts with one or more built in routes."
    for other in others:
        same = route.text.lower() == other.text.lower()
        if same and (not route.methods or not other.methods or route.methods & other.methods):
            return f"The route specified conflicts with the route defined by function '{other.function.name}'."
    return None


def _segment(text: str, parameters: list[_Parameter], *, last: bool) -> str:
    whole = _PARAMETER.fullmatch(text)
    if whole is None:
        return "/" + _mixed(text, parameters)
    parameter = _parameter(whole)
    parameters.append(parameter)
    if parameter.catch_all:
        if not last:
            raise TemplateError(f"A catch-all parameter can only appear as the last segment: '{text}'.")
        return "(?:/(.*))?"
    if parameter.optional and not last:
        raise TemplateError(f"An optional parameter must be at the end of the segment: '{text}'.")
    return "(?:/([^/]+))?" if parameter.optional or parameter.default is not None else "/([^/]+)"


def _mixed(text: str, parameters: list[_Parameter]) -> str:
    # Text and parameters in one segment, such as "{name}.json".
    pattern, end = "", 0
    for found in _PARAMETER.finditer(text):
        parameter = _parameter(found)
        if parameter.optional or parameter.catch_all:
            raise TemplateError(f"An optional or catch-all parameter must have its segment to itself: '{text}'.")
        parameters.append(parameter)
        pattern += _literal(text[end : found.start()], text) + "([^/]+)"
        end = found.end()
    return pattern + _literal(text[end:], text)


def _literal(part: str, segment: str) -> str:
    if "{" in part or "}" in part or (part == "" and segment == ""):
        raise TemplateError(f"The route template segment '{segment}' is not valid.")
    return re.escape(part)


def _parameter(found: re.Match[str]) -> _Parameter:
    stars, name, constraints, default, question_mark = found.groups()
    names = tuple(each.lower() for each in constraints.split(":") if each)
    unknown = [each for each in names if each not in _CONSTRAINTS]
    if unknown:
        raise TemplateError(f"The constraint reference '{unknown[0]}' could not be resolved.")
    return _Parameter(
        name=name, constraints=names, default=default, catch_all=bool(stars), optional=question_mark is not None
    )


def _is_int(text: str, size: range) -> bool:
    return re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) is not None and int(text) in size


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


_CONSTRAINTS: Mapping[str, Callable[[str], bool]] = {
    "int": lambda text: _is_int(text, _INT_32),
    "long": lambda text: _is_int(text, _INT_64),
    "bool": lambda text: text.strip().lower() in {"true", "false"},
    "alpha": lambda text: re.fullmatch(r"[a-zA-Z]*", text) is not None,
    "guid": _is_uuid,
}
