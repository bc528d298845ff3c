"""Routes: ASP.NET Core's templates, and what the host refuses at start (ScriptHost.cs)."""

import pytest

from functions_host.routes import Match, Refused, Template, TemplateError, route_functions
from tests.unit.functions_host.doubles import http_function, queue_function

_BUILT_IN = "The specified route conflicts with one or more built in routes."


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/hello", "/api/hello", {}),
        ("api/hello", "/API/Hello/", {}),
        ("api/hello", "/api/hello/x", None),
        ("api/hello", "/hello", None),
        ("api/{x}", "/api/1", {"x": "1"}),
        ("api/{x}", "/api/a b%2Fc", {"x": "a b%2Fc"}),
        ("api/{x}", "/api", None),
        ("api/{x}", "/api//", None),
        ("api/{x}/y/{z}", "/api/1/Y/2", {"x": "1", "z": "2"}),
        # An optional value is left out where it is absent.
        ("api/{x?}", "/api", {}),
        ("api/{x?}", "/api/1", {"x": "1"}),
        # A default takes the place of what is absent.
        ("api/{x=7}", "/api", {"x": "7"}),
        ("api/{x=7}", "/api/1", {"x": "1"}),
        ("api/{x}/{y=a}/{z?}", "/api/1", {"x": "1", "y": "a"}),
        # Constraints: a value that breaks one is another route's.
        ("api/{x:int}", "/api/-12", {"x": "-12"}),
        ("api/{x:int}", "/api/2147483648", None),
        ("api/{x:long}", "/api/2147483648", {"x": "2147483648"}),
        ("api/{x:int}", "/api/one", None),
        ("api/{x:int?}", "/api", {}),
        ("api/{x:int=5}", "/api", {"x": "5"}),
        ("api/{x:bool}", "/api/True", {"x": "True"}),
        ("api/{x:bool}", "/api/1", None),
        ("api/{x:alpha}", "/api/a1", None),
        ("api/{x:guid}", "/api/0f8fad5b-d9cb-469f-a165-70867728950e", {"x": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("api/{x:guid}", "/api/1", None),
        # {*rest}: slashes and all, or nothing.
        ("api/{*rest}", "/api/a/b/", {"rest": "a/b/"}),
        ("api/{**rest}", "/api/a", {"rest": "a"}),
        ("api/{*rest}", "/api", {}),
        ("api/v{n:int}.json", "/api/v2.json", {"n": "2"}),
        ("api/v{n:int}.json", "/api/v2_json", None),
        ("", "/", {}),
    ],
)
def test_match(template: str, path: str, expected: dict[str, str] | None) -> None:
    """Templates {x}, {x?}, {x:int}, {x=default}, {*rest} are those of ASP.NET Core, and not case-sensitive."""
    found = Template.parse(template).match(path)

    assert found == expected


@pytest.mark.parametrize(
    "template", ["{x", "x}", "{x:nosuch}", "{*rest}/x", "{x?}/y", "a//b", "{x?}.json", "a{*rest}", "{x{y}}"]
)
def test_malformed_template(template: str) -> None:
    """A template that ASP.NET refuses is refused."""
    with pytest.raises(TemplateError):
        Template.parse(template)


@pytest.mark.parametrize(
    ("prefix", "route", "path"),
    [
        ("api", None, "/api/hello"),
        ("api", "", "/api/hello"),
        ("api", "  ", "/api/hello"),
        ("api", "/x/", "/api/x"),
        ("", None, "/hello"),
        ("", "/", "/"),
        ("api", "/", "/api"),
        ("v1/data", "x", "/v1/data/x"),
        # %Setting% in a route is *not* resolved.
        ("api", "%x%", "/api/%x%"),
    ],
)
def test_prefix_and_default(prefix: str, route: str | None, path: str) -> None:
    """Route = routePrefix ("" allowed) + "/" + route (default: function name)."""
    function = http_function("hello", route=route)

    routes = route_functions([function], prefix=prefix)

    assert routes.find("GET", path) == Match(function=function, params={})


def test_methods() -> None:
    """A method mismatch is a route constraint; no methods given = all."""
    get, other, everything = (
        http_function("get", route="x", methods=["GET"]),
        http_function("other", route="x", methods=["post", "PUT"]),
        http_function("everything", route="y"),
    )

    routes = route_functions([get, other, everything], prefix="api")

    assert routes.find("GET", "/api/x") == Match(function=get, params={})
    assert routes.find("POST", "/api/x") == Match(function=other, params={})
    assert routes.find("DELETE", "/api/x") is None
    assert routes.find("DELETE", "/api/y") == Match(function=everything, params={})


def test_first_match_wins() -> None:
    """The first registered match wins."""
    general, special = http_function("general", route="{x}"), http_function("special", route="special")

    routes = route_functions([general, special], prefix="api")

    assert routes.find("GET", "/api/special") == Match(function=general, params={"x": "special"})
    assert routes.refused == ()


@pytest.mark.parametrize("route", ["admin", "/Admin/x", "administer", "runtime/webhooks", "runtimes"])
def test_reserved_routes(route: str) -> None:
    """Any custom route whose text *starts with* "admin" or "runtime" is refused, that function only."""
    refused, other = http_function("mine", route=route), http_function("other")

    routes = route_functions([refused, other], prefix="api")

    assert routes.refused == (Refused(function=refused, reason=_BUILT_IN),)
    assert routes.find("GET", "/api/other") == Match(function=other, params={})


def test_reserved_name() -> None:
    """The route that is the function's own name counts as well."""
    function = http_function("admin_report")

    routes = route_functions([function], prefix="api")

    assert routes.refused == (Refused(function=function, reason=_BUILT_IN),)


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [(["GET"], ["POST"], False), (["GET", "POST"], ["post"], True), (None, ["POST"], True), (["GET"], [], True)],
)
def test_conflicting_routes(first: list[str] | None, second: list[str], *, conflict: bool) -> None:
    """The same route with intersecting methods is refused: the later function."""
    one, two = http_function("one", route="x", methods=first), http_function("two", route="/X", methods=second)

    routes = route_functions([one, two], prefix="api")

    reason = "The route specified conflicts with the route defined by function 'one'."
    assert routes.refused == ((Refused(function=two, reason=reason),) if conflict else ())


def test_malformed_route_of_one_function() -> None:
    """A route that can't be read costs its own function only."""
    bad, good = http_function("bad", route="{x"), http_function("good")

    routes = route_functions([bad, good, queue_function()], prefix="api")

    assert [each.function for each in routes.refused] == [bad]
    assert [each.function for each in routes.routes] == [good]
