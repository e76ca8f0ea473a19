"""The command `trialspec`: arguments in, exit code out. The only place that asks for the time."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from trialspec import __version__
from trialspec.cli import (
    calendar,
    cases,
    conformance,
    diff,
    exits,
    explain,
    fuzz,
    protocols,
    rescore,
    run,
    show,
    simulate,
    times,
    watch,
)
from trialspec.diagnostics import Diagnostic, ProtocolError
from trialspec.reports.table import FOOTER


class _CutOffError(Exception):
    """Whoever read the output has gone; click would leave without a word."""


class Commands(click.Group):
    """All commands: whatever happens in one ends in a sentence and a documented exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **_: Any) -> NoReturn:  # type: ignore[override]  # noqa: ANN401 - click's own
        """Run a command and leave with its exit code."""
        try:
            code = super().main(args, prog_name or "trialspec", standalone_mode=False)
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except ProtocolError as error:
            show.diagnostics(error.diagnostics)
            code = exits.WRONG
        except click.Abort:
            show.note("stopped; what was printed may not be all")
            code = exits.STOPPED
        except _CutOffError as error:
            code = _cut_off(str(error))
        except OSError as error:
            code = _system(error)
        except Exception:  # noqa: BLE001 - the last stop: what is no fault of the files is ours
            code = _ours()
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        """Run a command; all that it printed is written before it is said to be done."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise _CutOffError from error
            if error.filename is None:
                raise _CutOffError(error.strerror) from error
            raise
        return code

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        """List the commands in the order in which they are needed."""
        return list(self.commands)


def _cut_off(why: str) -> int:
    # Python writes out what is left on leaving, and would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    show.note(f"the output was closed before all of it was written{f': {why.lower()}' if why else ''}")
    return exits.CUT_OFF


def _system(error: OSError) -> int:
    """Say what the system refuses: a name that is too long, a disk that fails."""
    named = f"`{error.filename}`: " if error.filename else ""
    show.diagnostics([Diagnostic("unknown-file", f"{named}{(error.strerror or str(error)).lower()}", None)])
    return exits.WRONG


def _ours() -> int:
    traceback.print_exc()
    show.note("this is a defect of trialspec, not of your files; please report it with the text above")
    return exits.OURS


_HELP = f"""Check clinical trial protocols, and patients' events against them.

{FOOTER}
"""


@click.group(cls=Commands, help=_HELP, epilog=exits.IN_WORDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Begin any command."""


for command in (
    protocols.check,
    run.run,
    watch.watch,
    explain.explain,
    rescore.rescore,
    times.times,
    calendar.calendar,
    cases.test,
    fuzz.fuzz,
    simulate.simulate,
    conformance.conformance,
    diff.diff,
    protocols.docs,
    protocols.schema,
    protocols.freeze,
    protocols.explain_error,
):
    main.add_command(command)
