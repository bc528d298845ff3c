"""Poison is looked at and sent back, and nothing is sent before somebody has said so."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from shared.model.assets import Asset
from shared.model.messages import Queue
from tests.end_to_end.pipeline import Pipeline, request_of, wait_until
from tests.fakes.raw_server import Answer, reply
from tests.page.tab import Tab


@pytest.fixture
def gone(pipeline: Pipeline) -> Asset:
    """An asset whose file isn't there; its request is poison."""
    asset = pipeline.serve(b"mended", status="404 Not Found")
    pipeline.send("copy", request_of(asset).encode())
    wait_until(lambda: bool(pipeline.poison(Queue.COPY, text=asset.name)))
    return asset


def test_poison_is_sent_back(open_tab: Callable[..., Tab], pipeline: Pipeline, gone: Asset) -> None:
    """Its evidence, how many it is, and only then the deed: the file is mended, copied, and nothing is left to tell."""
    tab = open_tab()
    page = tab.show()
    reason = _reason(page)
    reason.get_by_role("button", name="Evidence").click()
    expect(reason).to_contain_text(gone.href)
    expect(reason).to_contain_text("127.0.0.1 answered 404")
    assert tab.axe() == []
    pipeline.files.answers[gone.href.removeprefix(pipeline.files.url(""))] = (
        Answer(sent=reply(b"mended", headers={"ETag": '"mended"'})),
    )
    poisoned = pipeline.poison_count(Queue.COPY)

    reason.get_by_role("button", name="Send back…").click()
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name=re.compile(r"^Send \d+ back$"))
    expect(go).to_be_visible()
    assert dialog.get_by_role("definition").all_text_contents()[:2] == ["copy-poison", "AssetNotFoundError"]
    assert (pipeline.poison_count(Queue.COPY), pipeline.rows(gone)) == (poisoned, [])
    assert tab.axe() == []
    go.click()

    expect(dialog.get_by_role("heading")).to_have_text("Sent back")
    wait_until(lambda: bool(pipeline.rows(gone)))
    dialog.get_by_role("button", name="Close").click()
    assert pipeline.blob(gone)[0] == b"mended"
    assert pipeline.poison(Queue.COPY, text=gone.name) == []


def test_it_can_be_left(open_tab: Callable[..., Tab], pipeline: Pipeline, gone: Asset) -> None:
    """Escape sends nothing, and the focus is where it was."""
    page = open_tab().show()
    button = _reason(page).get_by_role("button", name="Send back…")
    button.click()
    expect(page.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Send \d+ back$"))).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    assert len(pipeline.poison(Queue.COPY, text=gone.name)) == 1


def test_no_more_is_sent_than_was_shown(open_tab: Callable[..., Tab], gone: Asset) -> None:
    """What failed since somebody has looked stays: they have said yes to another number."""
    del gone
    page = open_tab().show()
    bodies: list[object] = []
    page.on("request", lambda request: bodies.append(request.post_data_json) if "redrive" in request.url else None)
    _reason(page).get_by_role("button", name="Send back…").click()
    go = page.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Send \d+ back$"))
    expect(go).to_be_visible()
    count = int(re.sub(r"\D", "", go.inner_text()))

    go.click()

    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text("Sent back")
    filters = {"queue": "copy", "class": "AssetNotFoundError"}
    assert bodies == [{**filters, "dry_run": True}, {**filters, "limit": count, "dry_run": False}]


def test_by_the_keyboard_alone(open_tab: Callable[..., Tab], gone: Asset) -> None:
    """Evidence and the question are reached by Tab, opened by Enter, and the focus stays in the dialog."""
    del gone
    page = open_tab().show()
    expect(_reason(page)).to_be_visible()

    _tab_to(page, _reason(page).get_by_role("button", name="Evidence"))
    page.keyboard.press("Enter")
    expect(_reason(page).get_by_role("article")).not_to_have_count(0)
    _tab_to(page, _reason(page).get_by_role("button", name="Send back…"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Send \d+ back$"))).to_be_visible()

    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")


def test_evidence_stays_while_the_page_is_updated(open_tab: Callable[..., Tab], gone: Asset) -> None:
    """What somebody has opened and where they are is left alone by what comes in."""
    page = open_tab().show()
    button = _reason(page).get_by_role("button", name="Evidence")
    button.click()
    expect(_reason(page)).to_contain_text(gone.href)
    seen = page.locator("#as-of").inner_text()

    expect(page.locator("#as-of")).not_to_have_text(seen)

    expect(_reason(page)).to_contain_text(gone.href)
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")


def test_junk_is_shown_and_not_sent_back(open_tab: Callable[..., Tab], pipeline: Pipeline) -> None:
    """A message that nothing can read stands there with its body."""
    pipeline.send("discover", "<b>junk</b>")
    wait_until(lambda: bool(pipeline.poison(Queue.DISCOVER, text="junk")))
    page = open_tab().show()
    reason = page.get_by_role("article", name="no message of ours in discover-poison")

    reason.get_by_role("button", name="Evidence").click()
    reason.get_by_text("The message", exact=True).click()
    expect(reason.locator("pre")).to_have_text("<b>junk</b>")

    expect(reason.get_by_role("button", name="Send back…")).to_have_count(0)


def _reason(page: Page) -> Locator:
    return page.get_by_role("article", name="AssetNotFoundError in copy-poison")


def _tab_to(page: Page, button: Locator) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("(each) => each === document.activeElement"):
            return
    raise AssertionError("it isn't reached by the keyboard")
