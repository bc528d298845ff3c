"""The page's own files, as they are answered."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import shared.api.page
from shared.api import ROUTES, Answer, Asked, Level, respond

_ROUTES = {each.name: each for each in ROUTES}
_FOLDER = Path(shared.api.page.__file__).parent / "web"
_NAMES = sorted(each.name for each in _FOLDER.iterdir())
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
#: What makes markup, styles or scripts of a text, or an address to follow.
_SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|\beval\(|new Function"
    r"|srcdoc|\.(?:href|src)\s*=[^=]|setAttribute\(\"(?:href|src|on|style)|element\(\s*\"(?:a|iframe|script|img|style)\""
)


async def _ask(name: str, **asked: Any) -> Answer:
    async def app() -> object:
        raise AssertionError("the page's files need no app")

    return await respond(_ROUTES[name], cast("Any", SimpleNamespace(app=app)), Asked(method="GET", url="", **asked))


async def test_the_page() -> None:
    """Anybody gets it, also where storage can't be reached: it holds no data."""
    answer = await _ask("page")

    assert _ROUTES["page"].level is Level.ANONYMOUS
    assert (answer.status, answer.media_type) == (200, "text/html")
    assert answer.body == (_FOLDER / "index.html").read_text(encoding="utf-8")


async def test_nothing_foreign_runs() -> None:
    """The policy lets the page's own files in and nothing else, and lets nobody frame it."""
    headers = (await _ask("page")).headers

    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy == _POLICY
    assert {name: headers[name] for name in ("X-Content-Type-Options", "Referrer-Policy", "Cache-Control")} == {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }


@pytest.mark.parametrize("name", [each for each in _NAMES if each != "index.html"])
async def test_a_file_of_the_page(name: str) -> None:
    """Each with its own type, since nobody guesses one, and with the page's headers."""
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

    answer = await _ask("page_file", params={"file": name})

    body = (_FOLDER / name).read_text(encoding="utf-8")
    assert (answer.status, answer.media_type, answer.body) == (200, types[name.rpartition(".")[2]], body)
    assert dict(answer.headers) == {**(await _ask("page")).headers, "ETag": answer.headers["ETag"]}


@pytest.mark.parametrize("name", ["index.html", "../page.py", "..", "", "page.py", "%2e%2e", "/etc/passwd"])
async def test_no_other_file(name: str) -> None:
    """Only names of the page's files mean something; none becomes a path."""
    answer = await _ask("page_file", params={"file": name})

    assert (answer.status, answer.body) == (404, "")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_other_addresses_are_not_the_page() -> None:
    """A mistyped address is 404, as it was before there was a page."""
    assert (await _ask("page", params={"nothing": "statsu"})).status == 404


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_what_a_browser_has_is_not_sent_again(form: str) -> None:
    """It asks each time whether it is still right, and gets no body if it is; also where its ETag was weakened."""
    first = await _ask("page")

    answer = await _ask("page", headers={"if-none-match": form.format(first.headers["ETag"])})

    assert (answer.status, answer.body, dict(answer.headers)) == (304, "", dict(first.headers))


async def test_an_older_file_is_sent_anew() -> None:
    """After a deployment the ETag is another one."""
    answer = await _ask("page_file", params={"file": "page.css"}, headers={"if-none-match": '"old"'})

    assert (answer.status, answer.body != "") == (200, True)


async def test_each_file_has_its_own_etag() -> None:
    """A cache can't take one for another."""
    answers = [await _ask("page_file", params={"file": each}) for each in _NAMES if each != "index.html"]

    assert len({each.headers["ETag"] for each in answers}) == len(answers)


@pytest.mark.parametrize("name", [each for each in _NAMES if each.endswith(".js")])
def test_scripts_make_text_only(name: str) -> None:
    """None of them knows a way to make markup or an address of what it is told; the policy would refuse it, too."""
    assert _SINKS.findall((_FOLDER / name).read_text(encoding="utf-8")) == []


def test_the_page_names_its_own_files_alone() -> None:
    """Nothing is loaded from elsewhere, and each file that is named is there."""
    index = (_FOLDER / "index.html").read_text(encoding="utf-8")

    named = re.findall(r"(?:src|href)=\"([^\"#]+)\"", index)

    assert {each for each in named if not each.startswith("/api/page/")} == {
        "/.auth/login/aad?post_login_redirect_uri=/api/"
    }
    files = {each.removeprefix("/api/page/") for each in named if each.startswith("/api/page/")}
    assert files <= set(_NAMES)
    assert re.search(r"<script(?![^>]*src=)|<style|\son[a-z]+=|\sstyle=", index) is None


def test_every_module_is_there() -> None:
    """A script that imports what isn't there is a page that stays empty."""
    scripts = {each: (_FOLDER / each).read_text(encoding="utf-8") for each in _NAMES if each.endswith(".js")}

    imported = {name for text in scripts.values() for name in re.findall(r"from \"\./([^\"]+)\"", text)}

    assert imported | {"page.js"} == set(scripts)
