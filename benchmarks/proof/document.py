"""All proofs as one file for programs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.proof.bugs import Bug
from benchmarks.proof.reports import Reports
from benchmarks.proof.rows import rows

_NOT_PROVEN = (
    "Live Azure: all ran on Azurite or simulated storage, which differ (throttling, failover, listing, leases).",
    "Rights: Azurite knows no roles; that the identities of the templates may do what they must was never tried.",
    "The real Functions host: functions_host repeats what is known of its queues, leases, poison and scaling.",
    "Networks of Azure: private endpoints, firewalls, and DNS within a virtual network.",
    "Real sources: no catalog, host of files or Event Grid of anybody else was asked.",
    "Storage that loses what it has acknowledged: Azurite was never killed, and Azure's promise is taken for true.",
    "What no schedule, case or model here has tried: they are many, and not all.",
)


def document(reports: Reports, *, machine: Mapping[str, str], date: str) -> dict[str, Any]:
    """The figures of all, as JSON has them."""
    simulation, chaos, races, plants = reports.simulation, reports.chaos, reports.races, reports.mutants.plants
    made = list(rows(reports))
    figures = simulation.figures
    return {
        "commit": "; ".join(dict.fromkeys(each.commit or "not stated" for each in made)),
        "date": date,
        "machine": dict(machine),
        "rows": [dataclasses.asdict(each) for each in made],
        "seeds": {
            "simulation": [simulation.first, simulation.first + figures.schedules - 1],
            "chaos": chaos.seed,
            "fuzz": reports.fuzz.seed,
            "names": reports.names.seed,
        },
        "digest": simulation.digest,
        "schedules": figures.schedules,
        "awaits": figures.calls,
        "crashes": figures.crashes,
        "kills": chaos.kills,
        "duplicates_delivered": figures.redeliveries + chaos.duplicates_delivered + races.repeated_deliveries,
        "lost": chaos.lost + races.lost,
        "corrupt": chaos.corrupt + races.mixed,
        "lies": chaos.ledger_lies + races.lies,
        "poisoned_wrongly": chaos.poisoned_wrongly + races.poisoned_wrongly,
        "recovery_median_seconds": chaos.recovery_median_seconds,
        "recovery_p99_seconds": chaos.recovery_p99_seconds,
        "bugs_planted": len(plants),
        "bugs_caught": sum(each.is_found for each in plants),
        "models": [each.model_dump(mode="json") for each in reports.exhaustive.models],
        "plants": [each.model_dump(mode="json") for each in plants],
    }


def with_words(proof: Mapping[str, Any], *, bugs: Sequence[Bug]) -> dict[str, Any]:
    """What no tool reports, beside the figures: it is written by hand, and may come later than they."""
    return {
        **proof,
        "bugs_found": [each.model_dump(mode="json") for each in bugs],
        "not_proven": list(_NOT_PROVEN),
    }
