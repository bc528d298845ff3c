"""What was found, as a table for a terminal."""

from collections.abc import Iterator, Sequence

from tests.fuzz.running import Finding

_SHOWN = 3


def lines_of(findings: Sequence[Finding]) -> Iterator[str]:
    """A line a target, what is wrong below it, and their sum."""
    yield f"{'target':<18}{'cases':>8}{'slowest':>10}{'peak':>10}{'wrong':>7}  outcomes"
    for each in findings:
        yield _line(each)
        for violation in each.violations[:_SHOWN]:
            yield f"    {violation.said}"
            yield f"    {violation.case[:200].hex()}{'…' if len(violation.case) > 200 else ''}"
            yield f"    {violation.replay[:300]}"
    cases, wrong = (sum(getattr(each, name) for each in findings) for name in ("cases", "violated"))
    slowest = max((each.slowest_seconds for each in findings), default=0.0)
    peak = max((each.peak_bytes for each in findings), default=0)
    yield f"{'together':<18}{cases:>8}{slowest * 1000:>7.1f} ms{peak / 1024**2:>6.1f} MiB{wrong:>7}"


def _line(finding: Finding) -> str:
    outcomes = ", ".join(f"{count} {name}" for name, count in finding.outcomes.most_common(6))
    peak = f"{finding.peak_bytes / 1024**2:.1f} MiB"
    figures = f"{finding.cases:>8}{finding.slowest_seconds * 1000:>7.1f} ms{peak:>10}{finding.violated:>7}"
    return f"{finding.target:<18}{figures}  {outcomes}"
