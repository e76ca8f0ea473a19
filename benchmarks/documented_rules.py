"""Ten questions about the same patients, put to durable_rules the way its documentation shows.

That is decorated rules, one session a patient, and events posted or facts asserted as they arrive. (`trialspec` uses
the engine in another way: one flat message at a time, without sessions, joins and absence.) Most of a protocol is not
asked at all: nothing is due, and nothing is withdrawn.

It runs as a process of its own (`python -m benchmarks.documented_rules`), because it may not survive: a line of JSON
now and then tells how far it came. What it raised is compared with what the same ten questions come to in plain Python,
when they are asked of the last revision of every record.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product
from time import process_time
from typing import TYPE_CHECKING, Any

from benchmarks.stream import stream
from trialspec.times import DAY, Zone, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Fact = dict[str, Any]
Raised = set[tuple[str, str, str]]  # the patient, the rule and the record that it speaks of

_EVERY = 50  # records between two lines
_ZONE = Zone("Asia/Seoul")
_FACTOR = {"mg/dL": 0.01, "/uL": 0.001, "mg/(24.h)": 0.001, "umol/L": 1 / 88.4, "mg/mmol": 0.00884}


def facts(patients: int, seed: int) -> Iterator[Fact]:
    """Give the records of a stream as flat messages: times in seconds, numbers in one unit."""
    for arrival in stream(patients, seed=seed):
        record = json.loads(arrival.line)
        when = parse_time(record["time"], _ZONE)
        assert when is not None
        kept = ("id", "kind", "drug", "amount", "measure", "unit", "milestone", "visit", "concept")
        fact = {key: record[key] for key in kept if key in record}
        fact |= {"sid": record["patient"], "t": when.span(_ZONE)[0]}
        if "value" in record:
            value = float(str(record["value"]).removeprefix("<"))
            fact["value"] = value * _FACTOR.get(record.get("unit", ""), 1)
        yield fact


# --- the rules, as the documentation shows ----------------------------------------------------------------------------


def define(raised: Raised) -> None:
    """Define the ruleset `trial`; what fires is added to what was raised."""
    from durable.lang import c, m, none, ruleset, when_all  # noqa: PLC0415 - it starts threads

    def note(rule: str, message: Any) -> None:  # noqa: ANN401 - a message has whatever attributes were posted
        raised.add((message.sid, rule, message.id))

    with ruleset("trial"):

        @when_all((m.kind == "administration") & (m.drug == "rituximab") & ((m.amount < 475) | (m.amount > 525)))
        def rituximab_amount(c: Any) -> None:  # noqa: ANN401
            note("rituximab amount", c.m)

        @when_all((m.kind == "administration") & (m.drug == "cyclophosphamide") & (m.amount < 712))
        def cyclophosphamide_amount(c: Any) -> None:  # noqa: ANN401
            note("cyclophosphamide amount", c.m)

        @when_all((m.kind == "observation") & (+m.value) & (-m.unit))
        def no_unit(c: Any) -> None:  # noqa: ANN401
            note("no unit", c.m)

        @when_all(
            c.dose << (m.drug == "cyclophosphamide") & (m.kind == "administration") & (+m.amount),
            none((m.measure == "neutrophils") & (m.value > 1.5) & (m.t <= c.dose.t) & (m.t > c.dose.t - 7 * DAY)),
        )
        def no_clearance(c: Any) -> None:  # noqa: ANN401
            note("no clearance", c.dose)

        @when_all(c.first << (m.kind == "administration") & (+m.amount), none(m.milestone == "consent"))
        def no_consent(c: Any) -> None:  # noqa: ANN401
            note("no consent", c.first)

        @when_all(
            c.left << m.milestone == "consent_withdrawn",
            c.dose << (m.kind == "administration") & (+m.amount) & (m.t > c.left.t),
        )
        def after_withdrawal(c: Any) -> None:  # noqa: ANN401
            note("after withdrawal", c.dose)

        @when_all(
            c.first << (m.drug == "rituximab") & (+m.amount),
            c.second << (m.drug == "rituximab") & (+m.amount) & (m.t > c.first.t + 17 * DAY),
        )
        def second_late(c: Any) -> None:  # noqa: ANN401
            note("second late", c.second)

        @when_all(
            c.first << (m.drug == "rituximab") & (+m.amount),
            c.visit << (m.visit == "week_4") & (m.t > c.first.t + 36 * DAY),
        )
        def visit_late(c: Any) -> None:  # noqa: ANN401
            note("visit late", c.visit)

        @when_all(
            c.first << (m.measure == "sledai_2k") & (+m.value),
            c.later << (m.measure == "sledai_2k") & (m.value > c.first.value) & (m.t > c.first.t),
        )
        def activity_rises(c: Any) -> None:  # noqa: ANN401
            note("activity rises", c.later)

        @when_all(
            c.first << (m.measure == "urine_protein_24h") & (+m.unit),
            c.later << (m.measure == "urine_protein_24h") & (m.value < c.first.value) & (m.t > c.first.t),
        )
        def protein_falls(c: Any) -> None:  # noqa: ANN401
            note("protein falls", c.later)


# --- what they mean ---------------------------------------------------------------------------------------------------


def expected(everything: Iterable[Fact]) -> Raised:
    """Ask the same questions of the last revision of every record, in plain Python."""
    patients: dict[str, dict[str, Fact]] = {}
    for fact in everything:
        patients.setdefault(fact["sid"], {})[fact["id"]] = fact
    return {(sid, *each) for sid, records in patients.items() for each in _of_patient(list(records.values()))}


def _of_patient(records: list[Fact]) -> Iterator[tuple[str, str]]:
    given = [r for r in records if r["kind"] == "administration" and "amount" in r]
    counts = [r["t"] for r in records if r.get("measure") == "neutrophils" and r["value"] > 1.5]
    for dose in given:
        if dose["drug"] == "rituximab" and not 475 <= dose["amount"] <= 525:
            yield "rituximab amount", dose["id"]
        if dose["drug"] == "cyclophosphamide" and dose["amount"] < 712:
            yield "cyclophosphamide amount", dose["id"]
        if dose["drug"] == "cyclophosphamide" and not any(dose["t"] - 7 * DAY < t <= dose["t"] for t in counts):
            yield "no clearance", dose["id"]
        if not any(r.get("milestone") == "consent" for r in records):
            yield "no consent", dose["id"]
    yield from (("no unit", r["id"]) for r in records if "value" in r and "unit" not in r)
    rituximab = [r for r in given if r["drug"] == "rituximab"]
    left = [r for r in records if r.get("milestone") == "consent_withdrawn"]
    visits = [r for r in records if r.get("visit") == "week_4"]
    activity = [r for r in records if r.get("measure") == "sledai_2k"]
    protein = [r for r in records if r.get("measure") == "urine_protein_24h"]
    pairs: tuple[tuple[str, list[Fact], list[Fact], Callable[[Fact, Fact], bool]], ...] = (
        ("after withdrawal", left, given, lambda a, b: b["t"] > a["t"]),
        ("second late", rituximab, rituximab, lambda a, b: b["t"] > a["t"] + 17 * DAY),
        ("visit late", rituximab, visits, lambda a, b: b["t"] > a["t"] + 36 * DAY),
        ("activity rises", activity, activity, lambda a, b: b["t"] > a["t"] and b["value"] > a["value"]),
        (
            "protein falls",
            [r for r in protein if "unit" in r],
            protein,
            lambda a, b: b["t"] > a["t"] and b["value"] < a["value"],
        ),
    )
    for rule, ones, others, holds in pairs:
        yield from ((rule, b["id"]) for a, b in product(ones, others) if holds(a, b))


def main() -> None:
    """Give every record to the engine; print how far it came."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=500)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--by", choices=("post", "assert_fact"), default="assert_fact")
    asked = options.parse_args()
    everything = list(facts(asked.patients, asked.seed))
    raised: Raised = set()
    define(raised)

    import durable.lang  # noqa: PLC0415 - it starts threads
    from durable.engine import MessageNotHandledException, MessageObservedException  # noqa: PLC0415

    give = getattr(durable.lang, asked.by)
    refused, errors, start = 0, 0, process_time()

    def tell(done: int, **more: int) -> None:
        line = {"of": len(everything), "done": done, "seconds": process_time() - start, "refused": refused}
        sys.stdout.write(json.dumps({**line, "errors": errors, **more}) + "\n")
        sys.stdout.flush()

    for done, fact in enumerate(everything, 1):
        try:
            give("trial", fact)
        except MessageNotHandledException:
            pass  # no rule asks for it
        except MessageObservedException:
            refused += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is counted
            errors += 1
        if done % _EVERY == 0:
            tell(done)
    wanted = expected(everything)
    tell(len(everything), right=len(raised & wanted), lost=len(wanted - raised), false=len(raised - wanted))


if __name__ == "__main__":
    main()
