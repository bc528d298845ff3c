import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.end_to_end.pipeline import Pipeline, open_pipeline
from tests.page.tab import Tab

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The page asks every ten seconds.
_PATIENCE_MILLISECONDS = 25_000.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need a browser."""
    for each in items:
        if Path(__file__).parent in each.path.parents:
            each.add_marker(pytest.mark.page)
            each.add_marker(pytest.mark.xdist_group("page"))


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Generator[Pipeline]:
    """One pipeline for all tests of the page."""
    with open_pipeline(tmp_path_factory.mktemp("pipeline")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Generator[Browser]:
    """Debian's Chromium, or another one on PATH."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail("no Chromium is on PATH; `make test-page` says how to get one")
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        # As root, and in a container, Chromium's own sandbox has nothing to stand on.
        browser = playwright.chromium.launch(executable_path=found, chromium_sandbox=os.geteuid() != 0)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(browser: Browser, pipeline: Pipeline) -> Generator[Callable[..., Tab]]:
    """Opens the page in a tab of its own; what went wrong in any of them fails the test."""
    tabs: list[Tab] = []

    def opened(**options: Any) -> Tab:
        tabs.append(Tab.open(browser, pipeline.host.url, **options))
        return tabs[-1]

    yield opened
    for each in tabs:
        each.page.context.close()
    assert [trouble for each in tabs for trouble in each.trouble] == []
