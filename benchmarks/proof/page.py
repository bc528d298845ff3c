"""The proofs as a page for people, and as a short table for README; both are made of the file for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_INTRO = """\
# Proof

<!-- Written by `python -m benchmarks.proof render` from benchmarks/proof.json. Don't edit it here. -->

Sluice promises that nothing is dropped, nothing stands half written, and the ledger never lies: messages come at least
once, and what they do is done exactly once.
This is what was tried against that promise, how often, and what came of it."""

_KINDS_OF_FIGURES = """\
Schedules, awaits and crashes are those of the simulator: the app's own code in virtual time, one thread, from one seed.
Kills are those of real worker processes on Azurite.
Duplicates delivered are messages that came to a worker again, in either.
Recovery is the time from a worker's death until all that it held was worked again, with leases of 1 to 2 s."""

_AGAIN = """\
A schedule of the simulator is the same to the last bit, wherever it runs: the digest of all is {digest}.
The seeds were {first} to {last}.
`python -m tests.simulation replay SEED --trace` shows one, and `--shrink` leaves out what it doesn't need to fail.
`python -m tests.fuzz --target TARGET --seed SEED --case NUMBER` works a case again.
A storm draws what it does from its seed, but real processes never meet twice in the same way."""

_PLANTED = """\
A checker that finds nothing proves nothing.
So each of these was planted into the app's own code, and schedules ran until one of them broke a rule.
What no schedule found, the small models were asked for.
By how many: of the first schedules, those that broke a rule."""

_FOUND = """\
What this work has found in Sluice, before anybody else had to."""

#: Figures of the document, in words.
_FIGURES: Mapping[str, str] = {
    "schedules": "schedules",
    "awaits": "awaits",
    "crashes": "crashes",
    "kills": "kills",
    "duplicates_delivered": "duplicates delivered",
    "lost": "lost",
    "corrupt": "corrupt",
    "lies": "lies of the ledger",
    "poisoned_wrongly": "poisoned wrongly",
    "recovery_median_seconds": "recovery, median",
    "recovery_p99_seconds": "recovery, p99",
}
_SECONDS = ("recovery_median_seconds", "recovery_p99_seconds")


def page(proof: Mapping[str, Any]) -> str:
    """All of it as a page in Markdown."""
    seeds, models = proof["seeds"], proof["models"]
    first, last = seeds["simulation"]
    parts = (
        _INTRO,
        _verdict(proof),
        _tried(proof["rows"]),
        _KINDS_OF_FIGURES,
        _figures(proof),
        "## Run it again",
        _AGAIN.format(digest=f"`{proof['digest'][:16]}…`", first=f"{first:,}", last=f"{last:,}"),
        _table(["Proof", "Command"], [[each["proof"], f"`{each['again']}`"] for each in proof["rows"]]),
        "## Small models, gone through whole",
        _table(["Model", "Ways", "States", "Steps", "Longest way", "Whole"], map(_model, models)),
        "## Planted bugs",
        _PLANTED,
        _table(
            ["Planted", "Found after schedules", "By how many", "The rule, and how it was broken"],
            map(_plant, proof["plants"]),
        ),
        "## Bugs that were found",
        *_bugs(proof["bugs_found"]),
        "## What isn't proven",
        "\n".join(f"- {each}" for each in proof["not_proven"]),
        "## Where",
        "\n".join(f"- {name}: {each}" for name, each in (*proof["machine"].items(), ("date", proof["date"]))),
    )
    return "\n\n".join(parts) + "\n"


def summary(proof: Mapping[str, Any]) -> str:
    """The figures alone, for README."""
    rows = [[each["proof"], f"{each['count']:,}", _wrong(each)] for each in proof["rows"]]
    return "\n".join(
        (
            _table(["Tried", "Cases", "Wrong"], rows),
            "",
            f"{_of_planted(proof)}, {_of_kills(proof)}; at commit {proof['commit']}.",
            "How to run each again, and what isn't proven: [docs/proof.md](docs/proof.md).",
        )
    )


def _verdict(proof: Mapping[str, Any]) -> str:
    missed = [each for each in proof["rows"] if not each["met"]]
    where = f"All of it ran at commit {proof['commit']}."
    if not missed:
        return f"{where}\nAll {len(proof['rows'])} goals are met."
    lines = [
        f"- {each['proof']}: {each['count']:,} cases, the goal is {_goal(each)}; {each['violations']:,} are wrong"
        for each in missed
    ]
    return "\n".join((where, f"{len(missed)} of {len(proof['rows'])} goals are missed:\n", *lines))


def _tried(rows: Sequence[Mapping[str, Any]]) -> str:
    is_mixed = len({each["commit"] for each in rows}) > 1
    columns = ["Proof", "Cases", "Goal", "Wrong", "Met", "Of these", *(["Commit"] if is_mixed else [])]
    return _table(columns, (_tried_row(each, is_mixed=is_mixed) for each in rows))


def _tried_row(row: Mapping[str, Any], *, is_mixed: bool) -> list[str]:
    commit = [row["commit"] or "not stated"] if is_mixed else []
    met = "yes" if row["met"] else "**no**"
    return [row["proof"], f"{row['count']:,}", _goal(row), _wrong(row), met, row["note"], *commit]


def _wrong(row: Mapping[str, Any]) -> str:
    return f"**{row['violations']:,}**" if row["violations"] else "0"


def _goal(row: Mapping[str, Any]) -> str:
    sign, _, number = row["goal"].partition(" ")
    return f"{sign} {int(number):,}"


def _figures(proof: Mapping[str, Any]) -> str:
    cells = [_figure(proof[name], is_seconds=name in _SECONDS) for name in _FIGURES]
    planted = f"{proof['bugs_caught']} of {proof['bugs_planted']}"
    return _table(["", ""], [*zip(_FIGURES.values(), cells, strict=True), ("planted bugs found", planted)])


def _figure(value: float | None, *, is_seconds: bool) -> str:
    if value is None:
        return "nothing was held"
    return f"{value:g} s" if is_seconds else f"{value:,}"


def _of_planted(proof: Mapping[str, Any]) -> str:
    return f"{proof['bugs_caught']} of {proof['bugs_planted']} planted bugs found"


def _of_kills(proof: Mapping[str, Any]) -> str:
    wrong = ", ".join(f"{proof[name]:,} {_FIGURES[name]}" for name in ("lost", "corrupt", "lies", "poisoned_wrongly"))
    return f"{proof['duplicates_delivered']:,} duplicates delivered, {wrong}"


def _model(model: Mapping[str, Any]) -> list[str]:
    whole = "yes" if model["is_whole"] else f"**no**: {'; '.join(model['broken']) or 'left off'}"
    return [model["name"], *(f"{model[name]:,}" for name in ("ways", "states", "steps", "longest")), whole]


def _plant(plant: Mapping[str, Any]) -> list[str]:
    after, model = plant["after"], plant["model"]
    found = f"{after:,}" if after is not None else "in a small model" if model else "**never**"
    return [plant["plant"], found, f"{plant['seeds']:,} of {plant['of']:,}", plant["broke"]]


def _bugs(bugs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not bugs:
        yield "None."
        return
    yield _FOUND
    yield _table(
        ["Bug", "Found by", "Shown by", "Mended by"],
        ([each["what"], each["found_by"], each["seed"], each["mended_by"] or "**not yet**"] for each in bugs),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (columns, ["---"] * len(columns), *rows)
    return "\n".join(f"| {' | '.join(_cell(each) for each in cells)} |" for cells in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
