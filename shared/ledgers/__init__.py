"""What the ledger is asked by people: where a file is, all of its rows, rows that are lost, what a run came to."""

from shared.ledgers.files import Form, save, whole_file
from shared.ledgers.outcomes import Line, Outcome
from shared.ledgers.reading import Ledgers
from shared.ledgers.rebuilding import Finding, Rebuilding, Rebuilt
from shared.ledgers.reporting import Receipt, Reporting
from shared.ledgers.showing import Answer, Showing, Shown, Standing
from shared.ledgers.summaries import Summary, Word

__all__ = [
    "Answer",
    "Finding",
    "Form",
    "Ledgers",
    "Line",
    "Outcome",
    "Rebuilding",
    "Rebuilt",
    "Receipt",
    "Reporting",
    "Showing",
    "Shown",
    "Standing",
    "Summary",
    "Word",
    "save",
    "whole_file",
]
