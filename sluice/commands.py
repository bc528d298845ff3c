"""All commands, in the order in which ``sluice --help`` shows them."""

import typer

from sluice import census, copying, doctor, failures, ledger, poison, report, runs, status, verify
from sluice.output import EXIT_CODES

_HELP = f"""
See and steer what copies datasets into Azure Blob Storage.

Works on the account of local.settings.json or of the environment, as the app does; with --account NAME on one in
Azure, as whoever `az login` says you are.

{EXIT_CODES}
"""

sluice = typer.Typer(
    name="sluice",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    pretty_exceptions_enable=False,
)

status.register(sluice)
runs.register(sluice)
copying.register(sluice)
doctor.register(sluice)
census.register(sluice)
verify.register(sluice)
ledger.register(sluice)
report.register(sluice)
poison.register(sluice)
failures.register(sluice)
