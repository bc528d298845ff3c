"""Asks for keys as Azure does, which a host on this machine doesn't: 401, and no body."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

from functions_host.keys import KEY_HEADER, AuthLevel, Keys

MASTER = "the master key"
FUNCTION = "a key of the host"
_KEYS = Keys(enable_auth=True, master=MASTER, host=(FUNCTION,))


class Doorkeeper:
    """Stands between a page and the app, and writes down which addresses were asked for."""

    def __init__(self, page: Page, *, signed_in: Sequence[object] | None = None) -> None:
        self.asked: list[str] = []
        self._signed_in = signed_in
        page.route("**/api/**", self._answer)
        page.route("**/.auth/me", self._tell)

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.url)
        level = _KEYS.level(route.request.headers.get(KEY_HEADER), function="any")
        if level.suffices_for(_asked_level(urlsplit(route.request.url).path)):
            route.continue_()
        else:
            route.fulfill(status=401)

    def _tell(self, route: Route) -> None:
        if self._signed_in is None:
            route.fulfill(status=404)
        else:
            route.fulfill(json=self._signed_in)


def _asked_level(path: str) -> AuthLevel:
    if path == "/api/" or path.startswith("/api/page/"):
        return AuthLevel.ANONYMOUS
    return AuthLevel.ADMIN if path.startswith("/api/poison") else AuthLevel.FUNCTION
