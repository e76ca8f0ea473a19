"""A made patient: the records, the instant at which they are asked about, and how they are shown to people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trialspec.document import Plain, dump
from trialspec.evaluation import PatientReport, Protocol
from trialspec.events import Record, decode
from trialspec.testing.draft import PATIENT, Raw
from trialspec.times import Zone, shown_instant

_NO_TIME = "2000-01-01"
_FIRST_KEYS = ("id", "patient", "kind", "measure", "drug", "concept", "milestone", "value", "amount", "unit", "time")


def line(raw: Raw) -> str:
    """Write a record as a line of JSON, its keys in the order in which people look for them."""
    keys = sorted(raw, key=lambda key: _FIRST_KEYS.index(key) if key in _FIRST_KEYS else len(_FIRST_KEYS))
    return json.dumps({key: raw[key] for key in keys}, ensure_ascii=False)


def record(raw: Raw) -> Record:
    """Read a record as it would come in."""
    return decode(line(raw).encode())


def ndjson(raws: Iterable[Raw]) -> str:
    """Write records as an NDJSON file."""
    return "".join(f"{line(raw)}\n" for raw in raws)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a protocol is to say: the field of a subject, and its word or words (`none` for an empty set)."""

    subject: str
    name: str
    field: str
    words: frozenset[str]


@dataclass(frozen=True)
class Patient:
    """One made patient, as generators of this kit give it.

    `raws` are the records as they would be sent, `at` the instant they were made for, and `expected` what the protocol
    says at it, by construction.
    """

    protocol: Protocol = field(compare=False, repr=False)
    raws: tuple[Raw, ...]
    at: int
    expected: tuple[Expected, ...] = ()
    name: str = PATIENT

    def __hash__(self) -> int:
        """Hash what is told: the records hold mappings."""
        return hash((self.at, *(line(raw) for raw in self.raws)))

    @property
    def records(self) -> tuple[Record, ...]:
        """The records, as the engine reads them."""
        return tuple(record(raw) for raw in self.raws)

    @property
    def ndjson(self) -> str:
        """The records, as the lines of an NDJSON file."""
        return ndjson(self.raws)

    def report(self, at: int | None = None) -> PatientReport:
        """Give what the reference says, at the instant the patient was made for or another."""
        return self.protocol.report(self.records, self.name, at=self.at if at is None else at)

    def called(self, name: str) -> Patient:
        """Give the same patient under another name, with ids of its own."""
        raws = tuple({**raw, "patient": name, "id": f"{name}-{raw['id']}"} for raw in self.raws)
        return replace(self, raws=raws, name=name)

    def case(self, title: str = "made by the test kit") -> str:
        """Write a case of it, ready for a file beside the protocol.

        What it was made for is expected, or else the alerts that the reference gives.
        """
        zone = self.protocol.program.zone
        raws = tuple({**raw, "id": raw["id"].removeprefix(f"{self.name}-")} for raw in self.raws)
        if self.expected:
            return case_of(raws, self.at, zone, title, self.expected)
        return case_of(raws, self.at, zone, title, alerts=alerts_of(self.report()))

    def __repr__(self) -> str:
        """Show the case: it is what a counterexample needs."""
        return f"\n{self.case()}"


def alerts_of(report: PatientReport) -> list[str]:
    """Give the alerts that hold, as cases write them."""
    return sorted(f"{each.key.rule} {each.key.subject}" for each in report.alerts.values() if not each.over)


def case_of(
    raws: Sequence[Raw],
    at: int,
    zone: Zone,
    title: str,
    expected: Iterable[Expected] = (),
    *,
    why: str = "",
    alerts: Sequence[str] | None = None,
) -> str:
    """Write the cases file that tells these records, asked at an instant; `alerts` are all that are to hold then."""
    expects: dict[str, Plain] = {}
    # Criteria are read at enrolment, not at the instant of the case.
    expected = [each for each in expected if each.subject != "criterion"]
    for each in expected:
        name = f"{each.subject} {each.name}" if each.subject in {"gate", "visit"} else each.name
        words: Plain = min(each.words) if len(each.words) == 1 else [*sorted(each.words)]
        fields = expects.setdefault(name, {})
        assert isinstance(fields, dict)
        fields[each.field] = words or "none"
    known = all(raw.get("available") == raw.get("time") for raw in raws)
    case: dict[str, Plain] = {"case": title}
    if why:
        case["why"] = why
    case["events"] = [_event(raw, f"e{number}", known=known) for number, raw in enumerate(raws, 1)]
    if alerts is not None:
        expects["alerts"] = [*alerts] if alerts else "none"
    case["expect"] = {shown_instant(at, zone): expects}
    book: dict[str, Plain] = {"available": "at once"} if known and raws else {}
    return dump({**book, "cases": [case]})


def _event(raw: Raw, number: str, *, known: bool) -> dict[str, Plain]:
    """Write one event as people do: its time, and the sentence or the keys."""
    keys: dict[str, str] = {
        key: text
        for key, text in raw.items()
        if key not in {"patient", "time", "id"} and not (key == "available" and known)
    }
    said = _sentence(keys)
    # What only takes a record back says no time; a case gives it one that nobody reads.
    time = raw.get("time", _NO_TIME)
    if said is not None and raw["id"] == number:
        return {time: said}
    own: dict[str, Plain] = {} if raw["id"] == number else {"id": raw["id"]}
    return {time: {**own, **keys}}


def _sentence(keys: Mapping[str, str]) -> str | None:
    """Say an event in a sentence, if a sentence can say all of it."""
    left = dict(keys)
    kind = left.pop("kind", "")
    if kind == "observation" and "value" in left:
        words = [left.pop("measure"), left.pop("value"), *([left.pop("unit")] if "unit" in left else [])]
    elif kind == "administration" and "drug" in left:
        words = [left.pop("drug")]
        if "amount" in left and "unit" in left:
            words += [left.pop("amount"), left.pop("unit")]
        if "route" in left:
            words.append(left.pop("route"))
    elif kind == "milestone":
        word = left.pop("milestone")
        words = [word]
        key = {"consent": "version", "visit": "visit", "treatment_stopped": "reason", "randomisation": "arm"}.get(word)
        if key is not None and key in left:
            words.append(left.pop(key))
    elif kind in {"condition", "procedure"} and "concept" in left:
        words = [*(["no"] if left.pop("absent", "") == "yes" else []), left.pop("concept")]
    else:
        return None
    for key, word in (("planned", "for"), ("visit", "at")):
        if key in left:
            words += [word, left.pop(key)]
    return " ".join(words) if not left else None


def timeline_text(raws: Sequence[Raw]) -> str:
    """Show what happened as text, a line for each record, in order of time."""
    lines = []
    for raw in sorted(raws, key=lambda raw: (raw.get("time", ""), raw.get("id", ""))):
        keys = {key: text for key, text in raw.items() if key not in {"id", "patient", "time", "available"}}
        said = _sentence(keys) or ", ".join(f"{key} {text}" for key, text in keys.items())
        lines.append(f"  {raw.get('time', ''):25} {raw.get('id', ''):8} {said}")
    return "\n".join(lines)


def write(patient: Patient, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a patient as a file of cases and a file of records; give both."""
    folder.mkdir(parents=True, exist_ok=True)
    case, events = folder / f"{name}.yaml", folder / f"{name}.ndjson"
    case.write_text(patient.case(name), encoding="utf-8")
    events.write_text(patient.ndjson, encoding="utf-8")
    return case, events
