"""Everything that is fuzzed."""

from tests.fuzz.target import Target
from tests.fuzz.targets import answers, api, catalogs, intake, lists, messages, operators, sources, texts

_MODULES = (messages, catalogs, lists, answers, intake, api, sources, texts, operators)
TARGETS: tuple[Target, ...] = tuple(target for each in _MODULES for target in each.TARGETS)


def all_targets() -> tuple[Target, ...]:
    """All of them."""
    return TARGETS
