"""What the page shows of a pipeline that runs."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from shared.model.assets import Asset
from shared.model.messages import Queue
from tests.end_to_end.pipeline import Pipeline, request_of, wait_until
from tests.page.tab import Tab

#: Each would do something if it became markup, a script or an address; the last ones turn the text around.
_HOSTILE = (
    "javascript:document.title='owned'",
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "a\u202egnp.exe",
    "\u2066\u200f\u0627\u2069",
)


@pytest.fixture(scope="session")
def copied(pipeline: Pipeline) -> Asset:
    """An asset that a run has brought."""
    asset = pipeline.serve(b"x" * 2000, dataset="asked")
    pipeline.publish("asked", [asset])
    pipeline.ask("POST", "datasets/asked/runs")
    wait_until(lambda: len(pipeline.rows(asset)) == 1)
    wait_until(lambda: pipeline.ask("GET", "datasets/asked")[1]["run"]["state"] == "complete")
    wait_until(lambda: pipeline.ask("GET", "datasets/asked")[1]["copied_today"]["assets"] == 1)
    return asset


def test_a_dataset_and_its_run(open_tab: Callable[..., Tab], copied: Asset) -> None:
    """What was copied, how fresh it is, and the run with its window and counts."""
    del copied
    page = open_tab().show()

    card = page.get_by_role("article", name="asked", exact=True)
    expect(card).to_contain_text(re.compile(r"read whole, \d+ (s|min) ago"))
    figures = _figures(card)
    del figures["Rate"]
    assert figures == {
        "Files today": "1",
        "Bytes today": "2 kB",
        "Items listed": "1",
        "Were whole": "0",
        "Asked for": "1",
    }
    row = page.get_by_role("row", name=re.compile("^asked"))
    cells = row.get_by_role("cell").all_text_contents()
    assert (cells[:2], cells[4:]) == (["complete", "everything"], ["1", "0", "0", "1", "0", "2 kB"])


def test_it_is_there_at_once(open_tab: Callable[..., Tab]) -> None:
    """The first answer is shown, not only the one ten seconds later."""
    page = open_tab().show()

    expect(page.get_by_role("heading", name="Datasets")).to_be_visible(timeout=8000)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_comes_later_is_shown_too(open_tab: Callable[..., Tab], pipeline: Pipeline) -> None:
    """A page that stays open follows a run: its dataset had none before."""
    page = open_tab().show()
    card = page.get_by_role("article", name="sent", exact=True)
    expect(card).to_contain_text("no run yet")

    pipeline.publish("sent", [pipeline.serve(b"later", dataset="sent")])
    pipeline.ask("POST", "datasets/sent/runs")

    expect(card).to_contain_text("complete")
    expect(page.get_by_role("row", name=re.compile("^sent"))).to_be_visible()
    expect(_figure(card, "Rate")).to_have_text(re.compile(r"/s$"))


def test_lanes(open_tab: Callable[..., Tab]) -> None:
    """Each has a line of its last hour in words, too, and the copy lane its mark."""
    page = open_tab().show()

    named = page.get_by_role("img", name=re.compile("over the last "))
    expect(named).to_have_count(len(Queue))
    told = page.get_by_role("img", name=re.compile(r"^copy over the last .*: .* at most; discovery waits at 36$"))
    expect(told).to_be_visible()
    expect(
        page.get_by_text(
            re.compile(r"^Discovery waits while 36 or more copy requests are outstanding \(1\.5 . 24\)\.$")
        )
    ).to_be_visible()


def test_the_hour_before_it_was_opened(open_tab: Callable[..., Tab]) -> None:
    """What the app has kept is drawn before what the page has seen itself."""
    tab = open_tab()
    _change(tab.page, lambda report: report.update(history=[_reading(report, minutes=40, copy=77)]))

    page = tab.show()

    expect(page.get_by_role("img", name=re.compile("^copy over the last 40 min: 0 now, 77 at most"))).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"^Since .*: what the app has kept, and what this page has seen"))
    ).to_be_visible()


def test_why_discovery_waits(open_tab: Callable[..., Tab], pipeline: Pipeline) -> None:
    """A pause says who did it; a page that waits for the queue, since when and why."""
    tab = open_tab()
    because = "36 copy requests are outstanding; pages run below 36"
    waits = {"asked": {"run": "r", "since": "2024-06-01T12:00:00Z", "because": because}}
    _change(tab.page, lambda report: report["withholding"].update(waiting=waits))
    pipeline.ask("PUT", "datasets/paused/pause")
    try:
        page = tab.show()

        lanes = page.get_by_role("region", name="Lanes")
        expect(lanes.get_by_text("paused is paused by request")).to_be_visible()
        expect(lanes.get_by_text(re.compile(rf"asked has waited for \d+ d: {because}"))).to_be_visible()
        expect(page.get_by_role("region", name="What needs you")).to_contain_text("paused is paused for")
    finally:
        pipeline.ask("DELETE", "datasets/paused/pause")


def test_a_host_that_is_given_time(open_tab: Callable[..., Tab]) -> None:
    """Its dataset waits, and it is told why."""
    tab = open_tab()
    hold = {
        "dataset": "asked",
        "paused_since": None,
        "deferred_until": "2999-01-01T00:00:00Z",
        "deferred_because": "429",
    }
    _change(tab.page, lambda report: report["datasets"]["asked"].update(hold=hold))

    page = tab.show()

    expect(page.get_by_text(re.compile(r"asked waits for its host for \d+ d more: 429"))).to_be_visible()


@pytest.mark.parametrize(("stale", "told"), [([], "fresh, "), (["asked"], "stale, ")])
def test_fresh_or_stale(open_tab: Callable[..., Tab], copied: Asset, stale: list[str], told: str) -> None:
    """A dataset that says how fresh it has to be is one or the other; a stale one is told first of all."""
    del copied
    tab = open_tab()
    goal = {"freshness": "PT1H", "fresh_at": "2024-06-01T12:00:00Z"}
    _change(tab.page, lambda report: (report.update(stale=stale), report["datasets"]["asked"].update(goal)))

    page = tab.show()

    expect(page.get_by_role("article", name="asked", exact=True)).to_contain_text(re.compile(rf"{told}\d+ d ago"))
    needs = page.get_by_role("region", name="What needs you").get_by_text(re.compile("asked is stale"))
    expect(needs).to_have_count(len(stale))


@pytest.mark.parametrize("state", ["incomplete", "failed"])
def test_a_run_that_ended_badly(open_tab: Callable[..., Tab], copied: Asset, state: str) -> None:
    """It is told first of all, with its reason, and read out."""
    del copied
    tab = open_tab()
    _change(tab.page, lambda report: report["datasets"]["asked"]["run"].update(state=state, reason="3 items, not 4"))

    page = tab.show()

    expect(page.get_by_text(f"asked its run is {state}: 3 items, not 4")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=re.compile("need you|needs you"))).to_have_count(1)


def test_one_file(open_tab: Callable[..., Tab], copied: Asset) -> None:
    """By its address, though that is signed: where it is, and what became of it in the order of time."""
    tab = open_tab()
    page = tab.show()

    page.get_by_label("Address, blob or item").fill(f"{copied.href}?X-Amz-Signature=secret")
    page.keyboard.press("Enter")

    card = page.get_by_role("region", name="One file").get_by_role("article")
    expect(card).to_contain_text(copied.name)
    expect(card).to_contain_text("stands as recorded")
    assert [each.split("UTC")[-1] for each in card.get_by_role("listitem").all_text_contents()] == [
        "described so by its catalog",
        f"copied and verified, asked for by {_run_of(page)}",
        "nowthe blob: as recorded",
    ]
    assert tab.axe() == []


def test_a_file_that_nobody_knows(open_tab: Callable[..., Tab]) -> None:
    """It is told where it was looked for."""
    page = open_tab().show()

    page.get_by_label("Address, blob or item").fill("<b>no/such</b>")
    page.get_by_role("button", name="Look").click()

    expect(page.get_by_text(re.compile("no item and no blob is called '<b>no/such</b>' in "))).to_be_visible()


def test_what_others_wrote_is_text(open_tab: Callable[..., Tab], pipeline: Pipeline) -> None:
    """Names and addresses that are markup, scripts or turned text are shown as they are written, and do nothing."""
    assets = [_refused(each) for each in _HOSTILE]
    for each in assets:
        pipeline.send("copy-live", request_of(each).encode())
    wait_until(lambda: len(pipeline.poison(Queue.COPY_LIVE, text="evil.example")) >= len(assets))
    tab = open_tab()
    page = tab.show()
    reason = page.get_by_role("article", name="UrlRefusedError in copy-live-poison")

    reason.get_by_role("button", name="Evidence").click()

    expect(reason.get_by_text("https://evil.example/")).not_to_have_count(0)
    shown = reason.inner_text()
    assert [each for each in _HOSTILE[:4] if each not in shown] == []
    assert "a\\u202egnp.exe" in shown
    assert reason.locator("script, img, svg, a, iframe").count() == 0
    assert not page.title().startswith("owned")
    assert re.search("[\u202a-\u202e\u2066-\u2069\u200f]", page.locator("main").inner_text()) is None


def test_the_app_cannot_be_reached(open_tab: Callable[..., Tab]) -> None:
    """It is told, with the time of what is still shown; and it is over when the app is there again."""
    tab = open_tab()
    page = tab.show()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.route("**/api/status?*", lambda route: route.abort())

    alert = page.get_by_role("alert").filter(has_text="The app can't be reached. What is shown is of")
    expect(alert).to_be_visible()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.unroute("**/api/status?*")
    expect(alert).to_be_hidden()


def test_updates_can_be_paused(open_tab: Callable[..., Tab]) -> None:
    """Who reads is left alone until they say so."""
    tab = open_tab()
    page = tab.show()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.get_by_role("button", name="Pause updates").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.wait_for_timeout(12_000)
    assert asked == []
    page.get_by_role("button", name="Pause updates").click()
    page.wait_for_timeout(1000)

    assert len(asked) == 1


def _refused(text: str) -> Asset:
    """An asset of a host that isn't allowed, with a text of somebody's wherever there can be one."""
    href = f"https://evil.example/{text.replace('?', '')}"
    return Asset(item=text, key=text, href=href, name="direct/refused.bin")


def _change(page: Page, change: Callable[[dict[str, Any]], object]) -> None:
    """Let the page be told something else than how it stands: what takes hours to come about."""

    def fulfil(route: Any) -> None:
        report = route.fetch().json()
        change(report)
        route.fulfill(json=report)

    page.route("**/api/status?*", fulfil)


def _reading(report: dict[str, Any], *, minutes: int, copy: int) -> dict[str, Any]:
    then = datetime.fromisoformat(report["at"]) - timedelta(minutes=minutes)
    return {"at": then.isoformat(), "outstanding": {"copy": copy}}


def _figures(card: Locator) -> dict[str, str]:
    names = card.get_by_role("term").all_text_contents()
    return dict(zip(names, card.get_by_role("definition").all_text_contents(), strict=True))


def _figure(card: Locator, name: str) -> Locator:
    return card.locator("dl > div").filter(has_text=name).get_by_role("definition")


def _run_of(page: Page) -> str:
    return str(page.request.get(page.url.replace("/api/", "/api/datasets/asked")).json()["run"]["run"])
