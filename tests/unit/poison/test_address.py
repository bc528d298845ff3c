"""The addresses of poison: what is asked and what is answered."""

import json
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.api import ROUTES, Answer, Asked, respond
from shared.api import poison as addresses
from shared.model.errors import advice_of
from shared.poison import Mending, PoisonFact
from tests.unit.model.builders import NOON
from tests.unit.poison.desk import Desk, poisoned
from tests.unit.poison.preserve_world import POISON

_ROUTES = {each.name: each for each in ROUTES}


async def _ask(desk: Desk, name: str, *, mending: Mending | None = None, body: object = None, **asked: Any) -> Answer:
    async def app() -> object:
        return SimpleNamespace(poison=mending or desk.mending)

    process = cast("Any", SimpleNamespace(app=app))
    text = b"" if body is None else json.dumps(body).encode()
    return await respond(_ROUTES[name], process, Asked(method="", url="", body=text, **asked))


async def test_what_is_poison() -> None:
    """Each message with all that is known of it, and each class with its advice."""
    desk = Desk()
    desk.put(poisoned())
    desk.mailbox.put(POISON, "junk")

    answer = await _ask(desk, "poison", query={"code": "the key", "clientId": "default"})

    found = json.loads(answer.body)
    facts = [PoisonFact.model_validate(each) for each in found["messages"]]
    assert [each.error for each in facts] == ["AssetNotFoundError", "MalformedRequestError"]
    assert found["classes"] == {
        name: {"messages": 1, "advice": advice_of(name)} for name in ("AssetNotFoundError", "MalformedRequestError")
    }
    assert (answer.status, found["more"]) == (200, False)


async def test_filters_and_a_limit() -> None:
    """Only what is meant, so many at most, and whether there are more."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())
    desk.put(poisoned("UrlRefusedError"))

    answer = await _ask(desk, "poison", query={"class": "AssetNotFoundError", "limit": "2"})

    found = json.loads(answer.body)
    assert ([each["error"] for each in found["messages"]], found["more"]) == (["AssetNotFoundError"] * 2, True)


async def test_nothing_is_sent_unless_it_is_asked_for() -> None:
    """A dry run tells what would be sent."""
    desk = Desk()
    name = desk.put(poisoned())

    answer = await _ask(desk, "redrive_poison")

    assert json.loads(answer.body) == {
        "dry_run": True,
        "done": 1,
        "left": 0,
        "lost": 0,
        "more": False,
        "messages": [
            {
                "queue": "copy-poison",
                "id": name,
                "dataset": "s2",
                "items": ["s2/T32"],
                "error": "AssetNotFoundError",
                "outcome": "would_be_done",
                "why": None,
                "note": None,
            }
        ],
    }
    assert desk.bodies("copy") == []


async def test_what_is_meant_is_sent_back() -> None:
    """By filters of the same names, at a rate, so many; who has the key is all that is known of who asked."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())
    body = {"class": "AssetNotFoundError", "dry_run": False, "rate": 2.0, "limit": 2}

    answer = await _ask(desk, "redrive_poison", body=body)

    found = json.loads(answer.body)
    assert (found["done"], found["more"], len(desk.bodies("copy"))) == (2, True, 2)
    assert desk.slept == [0.5, 0.5]


async def test_a_redrive_ends_before_its_answer_is_too_late() -> None:
    """At a rate that takes longer than an answer may, it says that there is more."""
    desk = Desk()
    for _ in range(5):
        desk.put(poisoned())

    answer = await _ask(desk, "redrive_poison", body={"dry_run": False, "rate": 0.01})

    found = json.loads(answer.body)
    assert (found["done"], found["more"]) == (2, True)
    assert desk.slept == [100.0, 20.0]


async def test_not_every_message_is_answered_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Junk that stays counts for no limit: all of it is counted, and only some told of."""
    monkeypatch.setattr(addresses, "_MOST", 2)
    desk = Desk()
    for _ in range(3):
        desk.mailbox.put(POISON, "junk")

    answer = await _ask(desk, "redrive_poison", body={"limit": 1})

    found = json.loads(answer.body)
    assert (found["left"], len(found["messages"])) == (3, 2)


@pytest.mark.parametrize(
    ("names_callers", "by"), [(True, "ada@example.org"), (False, "admin key")], ids=["platform", "nobody"]
)
async def test_who_asked(caplog: pytest.LogCaptureFixture, *, names_callers: bool, by: str) -> None:
    """The platform's word where it gives one; anybody else could have written the header."""
    desk = Desk()
    mending = Mending.of(
        desk.datasets,
        mailbox=desk.mailbox,
        queues=desk.queues,
        reasons=desk.reasons,
        clock=desk.clock,
        sleep=desk.sleep,
        names_callers=names_callers,
    )

    with caplog.at_level(logging.INFO):
        headers = {"x-ms-client-principal-name": "ada@example.org"}
        await _ask(desk, "redrive_poison", mending=mending, headers=headers)

    assert [vars(each)["by"] for each in caplog.records if hasattr(each, "by")] == [by]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"since": "soon"}, "since"),
        ({"datset": "s2"}, "datset"),
    ],
)
async def test_a_parameter_that_means_nothing(query: dict[str, str], field: str) -> None:
    """400, and which one it is."""
    answer = await _ask(Desk(), "poison", query=query)

    assert (answer.status, json.loads(answer.body)["field"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dry_run": "no"}, "dry_run"),
        ({"rate": 0}, "rate"),
        ({"limit": 1001}, "limit"),
        ({"datset": "s2"}, "datset"),
        ({"class": ""}, "class"),
        ({"queue": "none"}, "queue"),
        ([], "body"),
    ],
)
async def test_a_body_that_means_nothing(body: object, field: str) -> None:
    """400, which field it is, and nothing is sent."""
    desk = Desk()
    desk.put(poisoned())

    answer = await _ask(desk, "redrive_poison", body=body)

    assert (answer.status, json.loads(answer.body)["field"]) == (400, field)
    assert desk.visible(POISON) == 1


async def test_a_time_of_failure() -> None:
    """Since when, in a body too."""
    desk = Desk()
    desk.put(poisoned())

    answers = [
        await _ask(desk, "redrive_poison", body={"since": each}) for each in (NOON.isoformat(), "2024-06-01T12:00:01Z")
    ]

    assert [json.loads(each.body)["done"] for each in answers] == [1, 0]
