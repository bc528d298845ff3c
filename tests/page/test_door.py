"""The page asks for a key before it shows anything."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from shared.model.messages import Queue
from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.page.doorkeeper import FUNCTION, Doorkeeper
from tests.page.tab import Tab


def test_nothing_is_shown_without_a_key(open_tab: Callable[..., Tab]) -> None:
    """A field for the key stands there, and has the focus; nothing of the app's data does."""
    tab = open_tab()
    Doorkeeper(tab.page)

    page = tab.show()

    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    expect(page.get_by_role("heading", name="Datasets")).to_be_hidden()
    assert tab.axe() == []


def test_a_key_opens_it(open_tab: Callable[..., Tab]) -> None:
    """Typed once: it is in no address, and a page that is loaded again still has it."""
    tab = open_tab()
    doorkeeper = Doorkeeper(tab.page)
    page = tab.show()

    _type(page, FUNCTION)

    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    assert not [each for each in doorkeeper.asked if "key" in each]


def test_a_key_stays_in_its_tab(open_tab: Callable[..., Tab]) -> None:
    """Another tab of the same browser asks again, and so does this one once it was told to forget."""
    tab = open_tab()
    Doorkeeper(tab.page)
    page = tab.show()
    _type(page, FUNCTION)
    other = page.context.new_page()
    Doorkeeper(other)

    other.goto(f"{tab.url}/api/")
    page.get_by_role("button", name="Forget the key").click()

    expect(other.get_by_label("Key", exact=True)).to_be_visible()
    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    assert page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [0, 0, ""]


def test_a_wrong_key_is_told(open_tab: Callable[..., Tab]) -> None:
    """Beside its field, which has the focus again, by a text that is read out; the key isn't kept."""
    tab = open_tab()
    Doorkeeper(tab.page)
    page = tab.show()

    _type(page, "mistyped")

    expect(page.get_by_role("alert").filter(has_text="The app doesn't know this key.")).to_be_visible()
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0
    assert tab.axe() == []


def test_a_key_that_has_ended(open_tab: Callable[..., Tab]) -> None:
    """Keys are rotated: the page asks for the new one and shows nothing meanwhile."""
    tab = open_tab()
    tab.page.add_init_script("sessionStorage.setItem('sluice-key', 'of last month')")
    Doorkeeper(tab.page)

    page = tab.show()

    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Datasets")).to_be_hidden()


@pytest.mark.parametrize(
    ("signed_in", "told", "is_offered"),
    [
        ([{"user_id": "ann@example.org"}], "You are signed in as ann@example.org", False),
        ([], None, True),
        (None, None, False),
    ],
    ids=["signed in", "not signed in", "no sign-in"],
)
def test_the_sign_in_of_the_platform(
    open_tab: Callable[..., Tab], signed_in: list[object] | None, told: str | None, *, is_offered: bool
) -> None:
    """Where the platform has one it says who somebody is, or is offered; elsewhere nothing is said of it."""
    tab = open_tab()
    Doorkeeper(tab.page, signed_in=signed_in)

    page = tab.show()

    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    if told is not None:
        expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(visible=is_offered)


def test_where_no_key_is_needed_none_is_asked_for(open_tab: Callable[..., Tab]) -> None:
    """As on the host of this machine, which lets everybody in."""
    page = open_tab().show()

    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    expect(page.get_by_role("button", name="Forget the key")).to_be_hidden()


def test_a_function_key_does_not_open_poison(open_tab: Callable[..., Tab], pipeline: Pipeline) -> None:
    """What it doesn't open is told with the way out, where somebody has asked for it."""
    pipeline.send("publish", "junk")
    wait_until(lambda: bool(pipeline.poison(Queue.PUBLISH, text="junk")))
    tab = open_tab()
    Doorkeeper(tab.page)
    page = tab.show()
    _type(page, FUNCTION)
    reason = page.get_by_role("article", name="no message of ours in publish-poison")

    reason.get_by_role("button", name="Evidence").click()

    expect(reason.get_by_role("alert")).to_have_text(re.compile("This needs the admin key"))
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()


def _type(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
