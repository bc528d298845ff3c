"""Checks the templates in infra/ and what the documents say of them; `--quick` leaves out what takes minutes."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.infra.az_lines import check_az_lines, is_installed
from tools.infra.checks import GROUPS, check, check_officially, read_sources
from tools.infra.findings import Finding
from tools.infra.mutations import Outcome, mutations, try_mutation
from tools.infra.official import official_shapes
from tools.infra.project import read_project
from tools.infra.rules import rules

_ROOT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str], *, root: Path = _ROOT) -> int:
    """Run the checks and print what they found; returns 1 where something was found, or a fault was not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tools.infra", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one fault of each kind, and no Azure CLI")
    quick = parser.parse_args(arguments).quick
    sources, project = read_sources(root / "infra"), read_project(root)
    findings = check(sources, project)
    checked = [f"{len(sources.files)} files: {', '.join(GROUPS)}"]
    unchecked = ["the real compiler", "what-if", "a deployment"]
    if not quick and is_installed(root):
        documents = [path.relative_to(root) for path in (root / "README.md", *sorted((root / "docs").rglob("*.md")))]
        count, refused = check_az_lines(root, documents)
        shapes = official_shapes(root, rules().resources)
        findings = [*(findings or check_officially(sources, shapes)), *refused]
        checked.append(f"{len(shapes)} of {len(rules().resources)} types of resources against Azure MCP's as well")
        checked.append(f"{count} az lines in {len(documents)} documents")
    else:
        unchecked += ["Azure MCP's types", "az lines (a full run checks both, with .venv-azure)"]
    # Files that are broken already prove nothing about a fault that is added to them.
    made = [] if findings else list(mutations(sources))
    chosen = list({each.kind: each for each in made}.values()) if quick else made
    outcomes = [try_mutation(each, project) for each in chosen]
    sys.stdout.write("\n".join(_report(findings, outcomes, checked=checked, unchecked=unchecked)) + "\n")
    return 1 if findings or not all(each.is_caught for each in outcomes) else 0


def _report(
    findings: Sequence[Finding], outcomes: Sequence[Outcome], *, checked: Sequence[str], unchecked: Sequence[str]
) -> Iterator[str]:
    yield from (str(each) for each in findings)
    yield from (f"infra: checked {each}" for each in checked)
    yield f"infra: findings: {len(findings)}"
    yield f"infra: mutations caught: {sum(each.is_caught for each in outcomes)} of {len(outcomes)}"
    for kind in dict.fromkeys(each.mutation.kind for each in outcomes):
        yield from _kind([each for each in outcomes if each.mutation.kind == kind], kind)
    yield f"infra: not checked: {', '.join(unchecked)}"


def _kind(outcomes: Sequence[Outcome], kind: str) -> Iterator[str]:
    caught = [each for each in outcomes if each.is_caught]
    rules = sorted({rule for each in caught for rule in each.noticed})
    yield f"  {kind}: {len(caught)} of {len(outcomes)} ({', '.join(rules)})"
    yield from (f"    not noticed: {each.mutation.where}" for each in outcomes if not each.is_caught)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
