"""``python -m sluice``, and the console script ``sluice``."""

from sluice.commands import sluice


def main() -> None:
    """Run the command line; ends the process with one of the codes of ``sluice.output.Exit``."""
    sluice()


if __name__ == "__main__":
    main()
