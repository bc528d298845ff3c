"""A tab of a browser with the page in it."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize

_AXE = Path(__file__).resolve().parent.parent.parent / "node_modules/axe-core/axe.min.js"
_WIDE: ViewportSize = {"width": 1280, "height": 900}
#: WCAG 2.2 at its middle level, and what axe knows beside.
_RUN_AXE = """axe.run({resultTypes: ["violations"]}).then((found) => JSON.stringify(
    found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(" | ")}`)))"""


@dataclasses.dataclass(slots=True, kw_only=True)
class Tab:
    """The page, and what went wrong in it."""

    page: Page
    url: str
    #: Errors of scripts, what the policy refused, and requests that went elsewhere.
    trouble: list[str] = dataclasses.field(default_factory=list[str])

    @classmethod
    def open(cls, browser: Browser, url: str, *, viewport: ViewportSize = _WIDE, **options: Any) -> Self:
        """A tab that has nothing of others' yet; ``show`` opens the page in it."""
        context = browser.new_context(viewport=viewport, **options)
        tab = cls(page=context.new_page(), url=url)
        tab.page.on("console", lambda message: tab.trouble.extend(_complaints(message)))
        tab.page.on("pageerror", lambda error: tab.trouble.append(str(error)))
        tab.page.on("request", lambda request: tab.trouble.extend(_strayed(request, url=url)))
        return tab

    def show(self) -> Page:
        """Open the page, as somebody does who types its address."""
        self.page.goto(f"{self.url}/api/")
        return self.page

    def axe(self) -> list[str]:
        """What axe has against what is shown. By the browser's own protocol: the policy lets no script in."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": _AXE.read_text(encoding="utf-8")})
        asked = {"expression": _RUN_AXE, "awaitPromise": True, "returnByValue": True}
        answer = cast("dict[str, Any]", session.send("Runtime.evaluate", asked))
        found: list[str] = json.loads(answer["result"]["value"])
        session.detach()
        return found

    def is_too_wide(self) -> bool:
        """Whether the page has to be moved sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def _complaints(message: ConsoleMessage) -> list[str]:
    # An answer that isn't 200 is told in the console, too.
    is_meant = message.type not in {"error", "warning"} or message.text.startswith("Failed to load resource")
    return [] if is_meant else [message.text]


def _strayed(request: Request, *, url: str) -> list[str]:
    is_own = urlsplit(request.url)[:2] == urlsplit(url)[:2]
    return [] if is_own else [f"a request went to {request.url}"]
