from shared.model.errors import BadNameError
from shared.model.items import Refusal, fit_name


def test_refusal() -> None:
    """A refusal names the class of its error, and its text."""
    refusal = Refusal.of(BadNameError("no"), item="s2/T32", key="B04")

    assert refusal == Refusal(item="s2/T32", key="B04", error="BadNameError", message="no")


def test_storable() -> None:
    """Whatever a catalog wrote, a refusal's texts fit into a table and can be written in UTF-8."""
    refusal = Refusal.of(BadNameError("\udc80" * 9000), item="\ud800" * 9000, key="k" * 9000)

    texts = [refusal.item, refusal.key, refusal.message]
    assert [len(text.encode()) <= 3 * 2048 and len(text) <= 2048 for text in texts] == [True] * 3


def test_long_names_stay_apart() -> None:
    """Two names that are too long and differ at their end stay two names; others stay as they are."""
    assert fit_name("x" * 2048) == "x" * 2048
    assert fit_name("x" * 3000 + "a") != fit_name("x" * 3000 + "b")
    assert len(fit_name("x" * 3000)) == 2048
