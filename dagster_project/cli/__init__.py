"""``tieout``: composes everything. A command's module is imported only when that command is asked for."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from reverse_etl.errors import TieoutError, did_you_mean

# Name -> (module of this package, one line of help): the list of commands must not cost the import of them all.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("installing.installation", "Create the home folder with its relations, register and Dagster instance."),
    "sample": ("installing.installation", "Generate the sample company's deliveries, with known dirt in them."),
    "sources": ("installing.sources", "List what can be delivered, with the columns of each and which of them may be absent."),
    "sandbox": ("installing.sandbox", "Start, stop or show the stand-in counterparties."),
    "destinations": ("installing.destinations", "Show how every destination stands and is asked; check one; set its mode."),
    "land": ("closing.close", "Land delivered files into the warehouse."),
    "close": ("closing.close", "Close a period: compute, seal, deliver, read back, tie out."),
    "checklist": ("overseeing.checklist", "Show where the close of a period stands, step by step, and what holds it up."),
    "close-report": ("overseeing.pages", "Write what a close came to as one HTML page."),
    "periods": ("closing.periods", "Show the accounting periods; sign off, hard close, reopen or verify one."),
    "bill": ("closing.bill", "Invoice what reached a threshold in a running period, without closing it."),
    "report-usage": ("closing.report_usage", "Report the usage of a period to the billing platform, for the plans that it rates."),
    "plan": ("posting.plan", "Show what a close would seal and what a push would do, and change nothing."),
    "opening": ("closing.opening", "Show what a former system leaves at cutover, and ask for its approval."),
    "preview": ("reading.preview", "Show drafts, held lines and issued invoices side by side, with the reason of each line."),
    "credit": ("approvals", "Ask for a goodwill credit on an issued invoice."),
    "void": ("approvals", "Ask for the reversal of an issued invoice."),
    "adjust": ("approvals", "Ask to bill a customer an amount beside what is rated."),
    "write-off": ("approvals", "Ask to write an issued invoice off as a bad debt."),
    "approvals": ("approvals", "List what waits for a decision."),
    "approve": ("approvals", "Approve what another user asked for, or what a run gate stopped."),
    "reject": ("approvals", "Reject what was asked for, or withdraw it."),
    "push": ("posting.plan", "Deliver what is sealed and not yet delivered, or exactly what a plan says."),
    "rate": ("rate", "Rate pricing cases with the models that rate production."),
    "status": ("reading.state", "Show periods, documents and checkpoints."),
    "exceptions": ("posting.exceptions", "List what a person must look at, with what to do; show, retry or resolve one."),
    "alerts": ("alerts", "Show what needs somebody now, and tell the channels; try one."),
    "replay": ("posting.replay", "Send or verify again from the register; nothing is duplicated."),
    "reconcile": ("posting.reconcile", "Compare what the destinations hold now with the register, document by document."),
    "repost": ("posting.repost", "Ask for a misposting to be reversed and posted once more."),
    "audit": ("audit", "Verify the register's whole chain, and anchor where it stands."),
    "query": ("reading.query", "Answer a ready question from the published copy: what is unbilled, overdue, in transit, ..."),
    "docs": ("reading.docs", "Write dbt's documentation of models and columns into one page."),
    "trace": ("reading.trace", "Walk from an event, an invoice or an ERP document to everything connected with it."),
    "export": ("reading.export", "Write the books of a period for beancount, hledger or a spreadsheet."),
    "reperform": ("closing.reperform", "Compute the general ledger a second time, from the delivered files, and compare."),
    "demo": ("closing.demo", "Close three months of the sample company and tie them out."),
    "bench": ("bench", "Measure what volume costs, against a query written by hand."),
    "conformance": ("installing.conformance", "Probe on a sandbox whether a destination keeps what its manifest claims."),
    "backup": ("installing.backup", "Back up the register, and what people wrote, while others work."),
    "restore": ("installing.backup", "Put a backup in the place of the register."),
    "copy": ("installing.copy", "Copy every source relation to PostgreSQL, for dbt to build there."),
    "dev": ("installing.dev", "Run Dagster's UI on this installation, with the counterparties running."),
    "doctor": ("installing.doctor", "Examine the installation, and say what to fix."),
    "completion": ("installing.completion", "Print what makes a shell complete commands, options and values."),
}

# What people come for -> the commands for it, in the order in which they are needed.
TASKS: dict[str, tuple[str, ...]] = {
    "Start": ("init", "sources", "sample", "sandbox", "demo", "dev", "doctor", "completion"),
    "Run a close": (
        *(
            "land",
            "preview",
            "plan",
            "close",
            "checklist",
            "close-report",
            "approvals",
            "approve",
            "reject",
            "periods",
            "bill",
            "report-usage",
            "push",
        ),
        *("opening",),
    ),
    "Deal with exceptions": ("exceptions", "replay", "reconcile", "repost", "credit", "void", "adjust", "write-off"),
    "Read": ("status", "query", "trace", "export", "docs", "rate"),
    "Operate": ("destinations", "alerts", "conformance", "audit", "reperform", "backup", "restore", "bench", "copy"),
}
OTHERS = "More"
COMPLETE_VARIABLE = "_TIEOUT_COMPLETE"


class LazyCommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{COMMANDS[cmd_name][0]}"), f"{cmd_name.replace('-', '_')}_command")
        if COMPLETE_VARIABLE in os.environ:
            from dagster_project.cli.terminal.values import complete_values

            complete_values(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {name!r}{did_you_mean(name, COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Commands with their line of help, without importing one of them; options as usual."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for task, names in grouped_commands().items():
            with formatter.section(task):
                formatter.write_dl([(name, COMMANDS[name][1]) for name in names])


def grouped_commands() -> dict[str, list[str]]:
    """Every command under its task; one that no task names comes last."""
    named = {name for names in TASKS.values() for name in names}
    groups = {task: [name for name in names if name in COMMANDS] for task, names in TASKS.items()}
    groups[OTHERS] = [name for name in COMMANDS if name not in named]
    return {task: names for task, names in groups.items() if names}


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    import platform
    from importlib.metadata import version

    parts = ", ".join(f"{name} {version(package)}" for name, package in VERSIONS.items())
    click.echo(f"tieout {version('tieout')} (Python {platform.python_version()}, {parts})")
    context.exit()


# As wide as the terminal up to here, so that the line of a command is read whole.
WIDEST_HELP = 130
VERSIONS = {"dagster": "dagster", "dbt": "dbt-core", "dbt-duckdb": "dbt-duckdb", "duckdb": "duckdb"}


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST_HELP})
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), envvar="TIEOUT_HOME", help="The installation's home folder (default .tieout)."
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version, and those it runs on.")
@click.pass_context
def tieout(context: click.Context, home: Path | None) -> None:
    """Product usage to the general ledger: exact amounts, at most one document per posting, every cent tied.

    Every command takes --json (one JSON document; progress, warnings and errors as JSON lines on standard error) and --quiet (errors alone). The
    exit code is 0; 1 for an error, or for a finding of a command that looks for some; 2 for a wrong command line; 130 when interrupted.
    """
    context.obj = home


def main() -> None:
    """The entry point: one line on an error, never a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code is 0, 1 for an error, 2 for a wrong command line."""
    try:
        result: Any = tieout.main(arguments, prog_name="tieout", standalone_mode=False, complete_var=COMPLETE_VARIABLE)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except BrokenPipeError:
        # Whoever read the output has read enough; nothing more is written when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _fail(error, "--json" in arguments)
    except KeyboardInterrupt:
        return _fail(click.Abort(), "--json" in arguments)
    return result if isinstance(result, int) else 0


def _fail(error: Exception, as_json: bool) -> int:
    code, message = 1, str(error)
    if isinstance(error, click.UsageError):
        code, message = 2, f"{error.format_message()} (see '{error.ctx.command_path if error.ctx else 'tieout'} --help')"
    elif isinstance(error, click.Abort):
        code, message = 130, "interrupted"
    elif isinstance(error, click.ClickException):
        message = error.format_message()
    elif not isinstance(error, TieoutError | OSError):
        message = f"unexpected {type(error).__name__}: {error}{_kept_traceback()}"
    told = " ".join(message.split())
    click.echo(json.dumps({"error": told, "exit_code": code}) if as_json else f"Error: {told}", err=True)
    return code


def _kept_traceback() -> str:
    """Where the traceback of a defect is kept, for whoever reports it."""
    from reverse_etl.settings import home_folder

    path = home_folder() / "logs" / "tieout.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as log:
            traceback.print_exc(file=log)
    except OSError:
        return ""
    return f" (a defect of Tieout; its trace is in {path})"
