"""Tumour measurements in SDTM (TU, TR) as records, and the overall responses (RS) of each who evaluated them.

Everyone who evaluates a patient measures alone, so each is read as a patient of their own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.third_party.published import event
from trialspec.events import Record

VISITS = {"SCREENING": "baseline", "WEEK 3": "week_3", "WEEK 6": "week_6", "WEEK 9": "week_9"}
# Of a lymph node the short axis counts, of any other lesion the longest diameter.
_NODE = "LYMPH NODE"
_COUNTS = {True: "LPERP", False: "LDIAM"}

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluator found of one patient: the records, and the overall response by visit."""

    name: str
    records: tuple[Record, ...]
    responses: dict[str, str]


def evaluations(folder: Path) -> Iterator[Evaluation]:
    """Give every evaluation that has a response."""
    identified, measured, responses = (
        _by_evaluator(folder / f"{domain}_onco_recist.csv") for domain in ("tu", "tr", "rs")
    )
    for name, answers in responses.items():
        records = tuple(_records(name, identified[name], measured[name]))
        yield Evaluation(name, records, {VISITS[row["VISIT"]]: row["RSSTRESC"] for row in answers})


def _by_evaluator(path: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            domain = row["DOMAIN"]
            who = row[f"{domain}EVALID"] or row[f"{domain}EVAL"]
            found.setdefault(f"{row['USUBJID']} by {who.title()}", []).append(row)
    return found


def _records(name: str, identified: list[Row], measured: list[Row]) -> Iterator[Record]:
    begun = next(row["TRDTC"] for row in measured if row["VISIT"] == "SCREENING")
    yield event(name, 1, "milestone", begun, milestone="screening")
    yield event(name, 2, "milestone", begun, milestone="enrolment")
    nodes = {row["TULNKID"] for row in identified if row["TULOC"] == _NODE}
    for row in identified:
        lesion = row["TULNKID"]
        kind = "non_target" if row["TUSTRESC"] == "NON-TARGET" else "node" if lesion in nodes else "other"
        # TU has no dates here: what is identified at screening is so from then on.
        assert row["VISIT"] == "SCREENING", "a lesion that is identified later needs a date"
        concept = f"{kind}_{_number(lesion)}"
        yield event(name, 1000 + int(row["TUSEQ"]), "condition", begun, concept=concept, start=begun, ongoing="yes")
    for row in measured:
        lesion, said = row["TRLNKID"], {"visit": VISITS[row["VISIT"]]}
        if row["TRTESTCD"] == "TUMSTATE":
            said |= {"measure": f"state_{_number(lesion)}", "value": row["TRSTRESC"].lower()}
        elif row["TRTESTCD"] == _COUNTS[lesion in nodes]:
            said |= {"measure": f"diameter_{_number(lesion)}", "value": row["TRSTRESC"], "unit": row["TRSTRESU"]}
        else:
            continue
        yield event(name, 2000 + int(row["TRSEQ"]), "observation", row["TRDTC"], **said)


def _number(lesion: str) -> int:
    """Give the number of a lesion: T01 is the first target lesion, NT01 the first non-target one."""
    return int(lesion[-2:])
