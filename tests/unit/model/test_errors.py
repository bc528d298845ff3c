import re

import pytest

from shared.model import errors
from shared.model.errors import Fate, SluiceError, fate_of


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
