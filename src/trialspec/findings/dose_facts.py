"""The words that sentences about a dose may use: every one is there, and empty where it does not apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.findings.found import shown_days, shown_missing, told
from trialspec.kernel import Compare, Daily, Pick
from trialspec.quantity import shown
from trialspec.times import shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.findings.departures import Clearance, Judgement, Worst
    from trialspec.findings.infusions import Infusion
    from trialspec.findings.slots import Slot
    from trialspec.interpreters.reading import Missing, Reading
    from trialspec.program import DosePlan
    from trialspec.vocabulary import Vocabulary


def planned_facts(
    name: str, plan: DosePlan, slot: Slot | None = None, missing: Iterable[Missing] = ()
) -> dict[str, str]:
    """Tell what was planned."""
    dates = (None, None, None) if slot is None else (slot.planned, slot.first, slot.last)
    return told(
        plan.provenance,
        missing,
        dose=name,
        drug=plan.drug,
        date="",
        planned="not dated yet" if dates[0] is None else shown_date(dates[0]),
        window=shown_days(dates[1], dates[2]),
        amount="",
        planned_amount=plan.planned_amount,
        route="",
        margin_days="",
        reason="",
        earliest="",
        interruptions="",
        departure="",
        departure_unknown="",
    )


def gate_facts(cleared: Clearance, vocabulary: Vocabulary) -> dict[str, str]:
    """Tell how the gate that decides reads, and how the one that warns does."""
    gate, verdict, margin = _gate_facts(cleared.deciding, vocabulary)
    warning, warning_verdict, warning_margin = _gate_facts(cleared.warning, vocabulary)
    return {
        "gate": gate,
        "verdict": verdict,
        "margin": margin,
        "warning": warning,
        "warning_verdict": warning_verdict,
        "warning_margin": warning_margin,
    }


def _gate_facts(worst: Worst, vocabulary: Vocabulary) -> tuple[str, str, str]:
    margin = shown_margin(worst.reading, vocabulary)
    if worst.verdict is NOT_MET and not margin:
        margin = "as recorded"  # an answer in words, or several conditions: nothing to measure a distance by
    return worst.gate, shown_word(str(worst.verdict)), margin


def given_facts(dose: Infusion, plan: DosePlan, slot: Slot | None, judged: Judgement) -> dict[str, str]:
    """Tell what was given."""
    return {
        "state": "given",
        "drug": _recorded(dose, "drug"),
        "date": str(dose.when),
        "amount": "of unknown amount" if dose.amount is None else f"{dose.amount} {plan.unit}".strip(),
        "planned_amount": judged.planned.shown(plan),
        "route": _recorded(dose, "route"),
        "margin_days": _days_off(dose.when.first, slot),
        "interruptions": ", ".join(f"{start} to {end}" for start, end in dose.interruptions),
        "departure": shown_word(", ".join(sorted(judged.words(MET)))),
        "departure_unknown": shown_word(", ".join(sorted(judged.words(UNKNOWN)))),
    }


def shown_word(word: str) -> str:
    """Print a word of the finding vocabulary for people."""
    return word.replace("_", " ")


def _recorded(dose: Infusion, field: str) -> str:
    return " and ".join(sorted({str(codes) for codes in dose.words(field) if codes})) or "not recorded"


def _days_off(day: int, slot: Slot | None) -> str:
    """Print how many days a date lies outside the window."""
    if slot is None or slot.first is None or slot.last is None:
        return ""
    off = max(slot.first - day, day - slot.last)
    return f"{off} d" if off > 0 else ""


def shown_margin(reading: Reading, vocabulary: Vocabulary) -> str:
    """Print how far a gate's value lies from its limit, or what is missing."""
    if reading.margin is None:
        return shown_missing(reading.missing)
    unit, number = _unit(reading, vocabulary), reading.margin.exact
    if number is None:
        return f"{reading.margin}{unit} from the limit"
    if number == 0:
        return "exactly the limit"
    return f"{shown(abs(number))}{unit} {'within' if number > 0 else 'beyond'} the limit"


def _unit(reading: Reading, vocabulary: Vocabulary) -> str:
    """Give the unit of the measure that is compared."""
    node = reading.node
    if isinstance(node, Compare) and isinstance(node.left, Daily):
        return {"greatest": f" {node.left.unit}", "sum": f" {node.left.unit.partition('/')[0]}"}.get(node.left.how, "")
    if not (isinstance(node, Compare) and isinstance(node.left, Pick)):
        return ""
    measures = [test.against.value for test in node.left.of.tests if test.field == "measure"]
    terms = [vocabulary.get(str(measure)) for measure in measures]
    return f" {terms[0].unit}" if terms and terms[0] is not None and terms[0].unit else ""
