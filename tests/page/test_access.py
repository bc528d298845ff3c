"""Everybody can use the page: at any width, in the dark, with a screen reader, without motion."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from shared.model.messages import Queue
from tests.end_to_end.pipeline import Pipeline, request_of, wait_until
from tests.page.tab import Tab

_WIDTHS = (320, 360, 768, 1280)


@pytest.fixture(scope="session")
def busy(pipeline: Pipeline) -> Pipeline:
    """A pipeline in which each part of the page has something to show."""
    asset = pipeline.serve(b"shown", dataset="told")
    pipeline.publish("told", [asset])
    pipeline.ask("POST", "datasets/told/runs")
    gone = pipeline.serve(b"", status="410 Gone").model_copy(update={"item": "a-name-that-has-no-blank-" * 12})
    pipeline.send("copy-live", request_of(gone).encode())
    wait_until(lambda: bool(pipeline.poison(Queue.COPY_LIVE, text=gone.name)))
    wait_until(lambda: len(pipeline.rows(asset)) == 1)
    return pipeline


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", _WIDTHS)
def test_at_any_width_in_light_and_dark(open_tab: Callable[..., Tab], busy: Pipeline, width: int, scheme: str) -> None:
    """Contrast and names are as they should be to axe, and nothing has to be moved sideways, however long a name is."""
    del busy
    tab = open_tab(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = tab.show()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.get_by_role("button", name="Evidence").first.click()
    expect(page.locator(".message")).not_to_have_count(0)

    assert tab.axe() == []
    assert not tab.is_too_wide()


def test_in_the_dark_it_is_dark(open_tab: Callable[..., Tab]) -> None:
    """As the visitor's system says, without being told."""
    grounds = []
    for scheme in ("light", "dark"):
        page = open_tab(color_scheme=scheme).show()
        expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        grounds.append(sum(ground) / 3)

    assert grounds[0] > 230
    assert grounds[1] < 40


def test_landmarks(open_tab: Callable[..., Tab]) -> None:
    """One banner, one main, and a region for each part, by its heading; the way past the banner comes first."""
    page = open_tab().show()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()

    regions = page.get_by_role("region").evaluate_all(
        "(all) => all.map((each) => each.ariaLabelledByElements[0].textContent)"
    )
    page.keyboard.press("Tab")

    assert regions == ["What needs you", "Datasets", "Lanes", "Runs", "Poison", "One file"]
    assert (page.get_by_role("banner").count(), page.get_by_role("main").count()) == (1, 1)
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sluice")


@pytest.mark.parametrize("width", [360, 1280])
def test_runs_are_a_table_at_any_width(open_tab: Callable[..., Tab], busy: Pipeline, width: int) -> None:
    """A narrow screen has its rows below each other, and they are rows of a table with heads all the same."""
    del busy
    page = open_tab(viewport={"width": width, "height": 800}).show()

    table = page.get_by_role("table", name="The newest run of each dataset, with its window and counts")
    expect(table.get_by_role("rowheader", name="told")).to_be_visible()
    assert table.get_by_role("columnheader").count() == 11


def test_nothing_moves_where_that_is_not_wanted(open_tab: Callable[..., Tab]) -> None:
    """What breathes elsewhere stands still."""
    page = open_tab(reduced_motion="reduce").show()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()

    assert page.evaluate("document.getAnimations().length") == 0


def test_what_changes_is_read_out_once(open_tab: Callable[..., Tab]) -> None:
    """A voice that says every ten seconds that nothing has changed helps nobody."""
    page = open_tab().show()
    expect(page.locator("#said")).not_to_be_empty()
    page.evaluate(
        "window.changes = 0; new MutationObserver(() => { window.changes += 1; })"
        ".observe(document.getElementById('said'), { childList: true, characterData: true, subtree: true })"
    )
    seen = page.locator("#as-of").inner_text()

    expect(page.locator("#as-of")).not_to_have_text(seen)

    assert page.evaluate("window.changes") == 0
