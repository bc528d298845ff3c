import re

import pytest

from shared.model import errors
from shared.model.advice import ADVICE, NO_CLASSES
from shared.model.errors import Fate, SluiceError, advice_of, fate_of


def _all() -> list[type[SluiceError]]:
    found: list[type[SluiceError]] = [SluiceError]
    for each in found:
        found += each.__subclasses__()
    return found


def test_tree() -> None:
    """Every error is drawn in the module's tree, under its parent, and nothing else is."""
    drawn: list[tuple[str, str]] = []
    parents = {0: "SluiceError"}
    for mark, name in re.findall(r"^    ([│├└─ ]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        depth = len(mark) // 4
        parents[depth] = name
        drawn += [(name, parents[depth - 1])] if depth else []

    assert sorted(drawn) == sorted((each.__name__, each.__base__.__name__) for each in _all()[1:] if each.__base__)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (errors.TruncatedBodyError(), Fate.RETRY),
        (errors.SourceThrottledError("slow"), Fate.DEFER),
        (errors.UnfinishedError("late", staged_blocks=3), Fate.RESEND),
        (errors.BadNameError(), Fate.POISON),
        (errors.WindowError("no", field="window"), Fate.POISON),
        (errors.RunConflictError("no", run="r"), Fate.RETRY),
        (ValueError(), Fate.RETRY),
    ],
)
def test_fates(error: Exception, fate: Fate) -> None:
    """An error has the fate of its class; what isn't ours is retryable."""
    assert fate_of(error) is fate


def test_advice() -> None:
    """Every error, and what stands in place of one, has its advice in one sentence; nothing else has any."""
    names = {*(each.__name__ for each in _all()), *NO_CLASSES}
    advice = [advice_of(each) for each in sorted(names)]

    assert set(ADVICE) == names
    assert [each for each in advice if not each.endswith(".") or ". " in each or not each[0].isupper()] == []
    assert [each for each in advice if "{" in each or "}" in each] == []


def test_advice_names_the_class() -> None:
    """The commands in an advice are for the class that it is asked for."""
    assert "`sluice poison drop --class BlobExistsError`" in advice_of("BlobExistsError")


def test_advice_of_what_nothing_foresaw() -> None:
    """A class that isn't ours is advised on, too: its failure is to be looked for in the log."""
    assert advice_of("KeyError").startswith("Nothing foresaw this error")
    assert "`sluice poison redrive --class KeyError`" in advice_of("KeyError")
