"""What pages of a plan come to together."""

from shared.model.items import Refusal
from shared.model.plans import LargeAsset, PlanTotals, RefusedHost, hosts_together, largest, some_refusals
from tests.unit.model.builders import asset

#: What a table's property holds: 64 KiB, two bytes a character
#: (https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model).
_LONGEST_TEXT = 32 * 1024


def _large(*sizes: int) -> tuple[LargeAsset, ...]:
    return tuple(LargeAsset(item="a", key=str(size), bytes=size) for size in sizes)


def test_pages_add_up() -> None:
    """Numbers and clouds are summed, hosts too, the largest and the first are kept."""
    refusals = tuple(Refusal(item=str(number), key="", error="E", message="") for number in range(12))
    host = RefusedHost(host="a.example.org", assets=2, because="no")
    one = PlanTotals(new=1, pages=1, egress={"A": 1, "B": 2}, hosts=(host,), largest=_large(3), refusals=refusals[:7])
    other = PlanTotals(new=2, held=4, pages=1, egress={"B": 5, "C": 9}, hosts=(host,), largest=_large(9, 1))

    total = one.plus(other.model_copy(update={"refusals": refusals[7:]}))

    assert total == PlanTotals(
        new=3,
        held=4,
        pages=2,
        egress={"A": 1, "B": 7, "C": 9},
        hosts=(RefusedHost(host="a.example.org", assets=4, because="no"),),
        largest=_large(9, 3, 1),
        refusals=refusals[:10],
    )


def test_every_number_adds_up() -> None:
    """No field of a page's totals is forgotten."""
    numbers = [name for name, field in PlanTotals.model_fields.items() if field.annotation is int]
    ones = PlanTotals.model_validate(dict.fromkeys(numbers, 1))

    assert ones.plus(ones) == PlanTotals.model_validate(dict.fromkeys(numbers, 2))


def test_the_largest_are_told() -> None:
    """Ten, each once, in an order that doesn't depend on the pages'."""
    found = largest((*_large(*range(20)), *_large(19, 18)))

    assert [each.bytes for each in found] == [*range(19, 9, -1)]


def test_hosts_with_the_most_assets_are_told() -> None:
    """Ten of them, each reason for itself."""
    hosts = [RefusedHost(host=f"h{number}", assets=number, because="no") for number in range(20)]
    other = RefusedHost(host="h19", assets=100, because="http")

    found = hosts_together((*hosts, other))

    assert [(each.host, each.assets) for each in found] == [
        ("h19", 100),
        *((f"h{number}", number) for number in range(19, 10, -1)),
    ]


def test_a_pages_totals_fit_into_a_table() -> None:
    """Whatever a catalog writes."""
    evil = '\x01"\\' * 600
    totals = PlanTotals(
        hosts=hosts_together(RefusedHost(host=f"{number}{evil}", assets=1, because=evil) for number in range(20)),
        largest=largest(
            LargeAsset.of(asset(item=evil, key=f"{n}{evil}", size=n, name="a/b", href="https://a.org/b"))
            for n in range(20)
        ),
        refusals=some_refusals(Refusal.of(ValueError(evil), item=evil, key=f"{number}{evil}") for number in range(20)),
    )

    assert len(totals.model_dump_json(exclude_defaults=True)) < _LONGEST_TEXT
