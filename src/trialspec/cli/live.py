"""The live table: a row for each patient, drawn over itself while a protocol is watched."""

from __future__ import annotations

from collections.abc import Callable

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trialspec.cli.watching import Look, Watch
from trialspec.diagnostics import harmless
from trialspec.reports import board
from trialspec.reports.table import FOOTER
from trialspec.times import shown_instant

_STYLES = {"due": "bold", "overdue": "yellow", "response": "green", "last changes": "dim"}
_PAUSE = 0.25  # seconds from one drawing to the next: a person reads no faster
_SHARE = 2  # times as long as a drawing took: a row costs a whole report, and the journal must not wait for the table
_AROUND = 8  # lines that are not rows
_LINES = 3  # that a row may take
_NARROWEST = 36
_WIDTHS = {"doses": 14, "due": 20, "response": 16}


class Board:
    """The table; it is drawn at most a few times a second, and only rows that may have changed are made anew.

    Where a terminal has not enough lines for all patients, those are shown who changed last.
    """

    def __init__(self, watch: Watch, elapsed: Callable[[], float], console: Console | None = None) -> None:
        self._watch = watch
        self._elapsed = elapsed
        self._again = elapsed()
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)
        self._rows: dict[str, board.Row] = {}
        self._last: dict[str, tuple[str, ...]] = {}
        self._order: dict[str, None] = {}  # those who changed last come last

    def start(self) -> None:
        """Begin."""
        self._live.start()

    def stop(self) -> None:
        """Leave the table as it is."""
        self._live.stop()

    def took(self, look: Look) -> None:
        """Take note of what a look brought."""
        for line in look.lines:
            if not line["historic"]:
                patient = line["patient"]
                self._last[patient] = board.latest(self._last.get(patient, ()), [board.in_words(line)])
        for patient in (*sorted(look.patients), *(line["patient"] for line in look.lines)):
            self._rows.pop(patient, None)
            self._order.pop(patient, None)
            self._order[patient] = None

    def show(self, *, at_once: bool = False) -> None:
        """Draw, unless it was drawn only just now."""
        begun = self._elapsed()
        if begun >= self._again or at_once:
            self._live.update(self._page(), refresh=True)
            ended = self._elapsed()
            self._again = ended + max(_PAUSE, _SHARE * (ended - begun))

    def _page(self) -> Group:
        monitor, tally, program = self._watch.monitor, self._watch.tally, self._watch.protocol.program
        if monitor is None:
            return Group(Text(f"{program.name} {program.version}: no record has come yet", style="dim"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        *columns, last = board.COLUMNS
        for column in columns:
            width = _WIDTHS.get(column)
            table.add_column(Text(column), style=_STYLES.get(column, ""), overflow="fold", min_width=width)
        # A change is a line, cut off where there is no room; whole sentences are in the journal.
        room = max(_NARROWEST, self._console.width // 3)
        table.add_column(Text(last), style=_STYLES[last], no_wrap=True, overflow="ellipsis", max_width=room)
        shown = list(self._order)[-max(1, (self._console.height - _AROUND) // _LINES) :]
        for patient in sorted(shown):
            table.add_row(*(_cell(cell) for cell in self._row(patient, monitor.at).cells))
        more = len(self._order) - len(shown)
        changes = ", ".join(f"{number} {what}" for what, number in sorted(tally.changes.items())) or "no changes"
        told = [
            f"{tally.events} events, {changes}",
            *([f"{more} more patients"] if more else []),
            *([f"{sum(tally.unreadable.values())} records that cannot be read"] if tally.unreadable else []),
            *([f"{len(tally.withheld)} alerts withheld"] if tally.withheld else []),
            *(["what would unblind is not shown"] if self._watch.keeps_back else []),
        ]
        now = shown_instant(monitor.at, program.zone)
        title = Text(harmless(f"{program.name} {program.version}  {now}"), style="bold")
        return Group(title, table, Text(f"{'; '.join(told)}\n{FOOTER}", style="dim"))

    def _row(self, patient: str, at: int) -> board.Row:
        made = self._rows.get(patient)
        if made is None or (made.until is not None and made.until <= at):
            report = self._watch.report(patient)
            assert report is not None
            made = board.row(report, self._last.get(patient, ()))
            self._rows[patient] = made
        return made


def _cell(text: str) -> Text:
    return Text("\n".join(harmless(line) for line in text.split("\n")))
