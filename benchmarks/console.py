"""What a benchmark says while it runs, line by line, also where its output goes into a file."""

import sys


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
