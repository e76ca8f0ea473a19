"""Endpoints of trials of opioid use beside those published for the people of three trials."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from tests.third_party.ctn import DAY_1, Person, people, week_of
from tests.third_party.published import Answer, RecordProperty, compare, protocol, published, shown
from trialspec import Finding
from trialspec.findings.eligibility import criteria, criterion
from trialspec.interpreters.reading import Question
from trialspec.patient import Timeline
from trialspec.program import Criterion
from trialspec.quantity import Interval, exactly

pytestmark = pytest.mark.slow

# Endpoints that are not compared, each with its reason.
ROLLING = "so many days of use in any 28 days: a window that moves over all dates is no word of the language"
RANDOM_VISITS = "three visits at random times, which the data do not name"
NOT_SETTLED = "the definition leaves open what is counted, and how what is missing is made up"
NOT_COMPARED = {
    "RsT_lee_2016": ROLLING,
    "RsE_lee_2016": ROLLING,
    "Ab_lofwall_2018": RANDOM_VISITS,
    "Rd_lofwall_2018": RANDOM_VISITS,
    "Ab_ctnNinetyFour_2023": "no definition is published with it",
    "Ab_schwartz_2006": "a follow-up on day 120, which not all three trials have",
    "Rd_lingA_1976": "an index with a table of its own, which is not among the definitions",
    "Rd_lingB_1976": "an index with a table of its own, which is not among the definitions",
    **dict.fromkeys(
        (
            *("Rd_eissenberg_1997", "Rd_jaffe_1972", "Rd_kostenB_1993", "Rd_lingA_1998", "Rd_preston_2000"),
            *("Rd_strain_1993", "Rd_strang_2010", "Rd_woody_2008"),
        ),
        NOT_SETTLED,
    ),
}
# How many weeks in a row make an event: it is told with the last of them, and published with the first.
WEEKS_IN_A_ROW = {
    "mokri_2016": 1,
    "schottenfeldA_2008": 1,
    "shufman_1994": 1,
    "ctnNinetyFour_2023": 4,
    "ctnFiftyOne_2018": 4,
    "schottenfeld_2008": 3,
}
# Numbers that one lies from instead of 0: the longest run.
FROM_1 = ("Ab_schottenfeldB_2008", "Ab_schottenfeld_2005")

FIFTEEN = "the table was made of the weeks through 15 only, the length of the shortest trial; the definition says more"
WHY = {
    "Ab_krupitskyA_2011": FIFTEEN,
    "Ab_krupitskyB_2011": FIFTEEN,
    "Rd_haight_2019": FIFTEEN,
    "Rd_ling_2010": FIFTEEN,
    "Rd_lingC_1998": FIFTEEN,
    "Ab_ctnThirty_2011": "the table was made of the last four weeks; the definition says those of the third month",
    "Rs_johnson_1992": "the table was made from week 4 on; the definition says after four weeks",
    "Rd_tanum_2017": "the table counts weeks without a screen up to the last that has one; the definition does not",
    **dict.fromkeys(
        ("Rd_shufman_1994", "Rd_strain_1994", "Rd_strain_1999"),
        "the table takes weeks without a screen for negative ones; the definition leaves them out",
    ),
}
NEVER_SEEN = "no screen was ever collected: the table has a number, here none is known"


@cache
def _people() -> tuple[Person, ...]:
    return tuple(people(published("ctn0094-real-trials")))


def _instant(day: date) -> int:
    """The last second of a date."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)).timestamp()) - 1


def _said(finding: Finding) -> str:
    """The verdict, or the number by which a reading lies from its limit."""
    margin = finding.readings[0].margin
    if margin is None:
        return {"met": "yes", "not_met": "no"}.get(str(finding.fields["verdict"]), "not known")
    name = finding.name.removeprefix("table_")
    if name in FROM_1:
        # Lengths that later weeks may yet reach are open: the least is what was surely reached.
        margin = exactly(margin.low + 1) if margin.low is not None else Interval(None, None)
    return shown(margin, 6).replace("none", "not known")


def _theirs(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:.6f}"
        case _:
            return str(value)


def _answers(name: str, asked_of: Iterable[Person]) -> Iterator[tuple[Answer, str | None]]:
    asked = protocol(name)
    names = sorted(each.name for each in asked.program.criteria if not each.name.startswith("table_"))
    at = _instant(DAY_1 + timedelta(days=400))
    for person in asked_of:
        question = Question(asked.timeline(person.records, person.name), at)
        said = {found.name: _said(found) for found in criteria(asked.program, question).findings}
        for endpoint in names:
            theirs = _theirs(person.endpoints[endpoint])
            why = WHY.get(endpoint) if said.get(f"table_{endpoint}") == theirs else None
            why = why or (NEVER_SEEN if not person.seen and said[endpoint] == "not known" else None)
            yield Answer(person.name, endpoint, said[endpoint], theirs), why


def _compare(
    title: str, name: str, asked_of: Iterable[Person], record_property: RecordProperty, *, agreed: int
) -> None:
    told = list(_answers(name, asked_of))
    reasons = {answer.about: why for answer, why in told if answer.ours != answer.theirs and why}
    compare(title, [answer for answer, _ in told], reasons, record_property, agreed=agreed)


def test_every_endpoint_is_compared_or_named() -> None:
    asked = (protocol("opioid-endpoints"), protocol("opioid-numbers"))
    compared = {each.name for which in asked for each in which.program.criteria}
    timed = {f"{letter}{kind}_{name}" for name in WEEKS_IN_A_ROW for letter in ("Ab", "Rs", "Dr") for kind in "TE"}
    for person in _people():
        assert person.endpoints.keys() <= compared | timed | NOT_COMPARED.keys()


def test_endpoints(record_property: RecordProperty) -> None:
    _compare("CTN-0094 endpoints", "opioid-endpoints", _people(), record_property, agreed=2068)


def test_numbers_of_one_person_in_four(record_property: RecordProperty) -> None:
    title = "CTN-0094 numbers and rates, of one person in four"
    _compare(title, "opioid-numbers", _people()[::4], record_property, agreed=1726)


@pytest.mark.deep
def test_numbers_of_everybody(record_property: RecordProperty) -> None:
    _compare("CTN-0094 numbers and rates", "opioid-numbers", _people(), record_property, agreed=6859)


# --- times ------------------------------------------------------------------------------------------------------------


def _times(endpoints: Mapping[str, object]) -> Iterator[tuple[str, str, int]]:
    """Give the endpoints that have a time: the event, its time, and how many weeks in a row make it."""
    for event in endpoints:
        kind, _, name = event.partition("_")
        if kind.endswith("E") and event not in NOT_COMPARED:
            yield event, f"{kind[:-1]}T_{name}", WEEKS_IN_A_ROW[name]


def test_times_to_an_event(record_property: RecordProperty) -> None:
    """Who has no event is followed to the first week of the last run that the pattern has room for."""
    asked = protocol("opioid-times")
    answers = []
    for person in _people():
        timeline = asked.timeline(person.records, person.name)
        weeks = range(1, len(person.weeks) + 1)
        for each in asked.program.criteria:
            event, time, row = next(timed for timed in _times(person.endpoints) if timed[0] == each.name)

            def met(week: int, asked_of: Timeline = timeline, asking: Criterion = each) -> bool:
                at = _instant(DAY_1 + timedelta(days=7 * week - 1))
                return criterion(asking, Question(asked_of, at)).fields["verdict"] == "met"

            # What was reached stays reached: no record is taken back.
            reached = bisect_left(weeks, x=True, key=met)
            none = f"none by week {len(weeks) + 1 - row}"
            ours = f"event in week {reached + 2 - row}" if reached < len(weeks) else none
            theirs = ("event in" if person.endpoints[event] else "none by") + f" week {person.endpoints[time]}"
            answers.append(Answer(person.name, time, ours, theirs))
    compare("CTN-0094 times to an event", answers, {}, record_property, agreed=len(answers))


def test_alerts_open_with_the_week_of_the_event() -> None:
    """The same times, told by alerts: of one person in twenty, as every week of everybody takes minutes."""
    asked = protocol("opioid-times")
    for person in _people()[::20]:
        report = asked.report(person.records, person.name, at=_instant(DAY_1 + timedelta(days=400)))
        opened = {key.subject: episode.opened for key, episode in report.alerts.items()}
        for event, time, row in _times(person.endpoints):
            if person.endpoints[event]:
                week = week_of(datetime.fromtimestamp(opened[event] or 0, UTC).date())
                assert week + 1 - row == person.endpoints[time], (person.name, time)
            else:
                assert event not in opened
