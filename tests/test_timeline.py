"""From events to a timeline: what an event comes to, which revision holds, conflicts, and what was known when."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.sources.terms import BERLIN, NEW_YORK, SEOUL, UTC, VOCABULARY
from trialspec.events import CARRIES, EVERY_KIND, Event, Record, Unreadable
from trialspec.items import MILESTONES
from trialspec.patient import FAR, LONG_AGO, Item, Kind, Problem, Timeline
from trialspec.quantity import ANY_WORD, ANYTHING, Codes, Interval, compare, exactly, word
from trialspec.timeline import timeline
from trialspec.times import When, Zone, on_date, parse_time
from trialspec.truth import MET, NOT_MET, UNKNOWN


def event(kind: Kind, id_: str = "e1", time: str = "2024-03-05", **content: str | int) -> Event:
    texts = {key: str(value) for key, value in content.items()}
    available, recorded, received = (texts.pop(key, "") for key in ("available", "recorded", "received"))
    revision, patient = int(texts.pop("revision", "0")), texts.pop("patient", "P1")
    one = Event(id_, patient, kind, time, texts, revision)
    return replace(one, available=available, recorded=recorded, received=received)


def creatinine(value: str, unit: str = "umol/L", **content: str) -> Event:
    return event("observation", **{"measure": "creatinine", "value": value, "unit": unit, **content})


def retraction(of: Event, revision: int, available: str = "") -> Event:
    return Event(of.id, of.patient, "", "", {}, revision, retracted=True, available=available)


def made(
    *records: Record, zone: Zone = SEOUL, sites: dict[str, Zone] | None = None, known: int | None = None
) -> Timeline:
    return timeline(records, "P1", VOCABULARY, zone, sites or {}, known=known)


def only(*records: Record, zone: Zone = SEOUL, known: int | None = None) -> Item:
    (item,) = made(*records, zone=zone, known=known).items
    return item


def when(text: str, zone: Zone = SEOUL) -> When:
    found = parse_time(text, zone)
    assert found is not None
    return found


def instant(text: str) -> int:
    return when(text, UTC).instants[0]


# --- visits -----------------------------------------------------------------------------------------------------------

VISITS = ("baseline", "week_4", "week_24")


def at_visit(one: Event, visits: tuple[str, ...] = VISITS) -> Timeline:
    return timeline([one], "P1", VOCABULARY, SEOUL, {}, visits=visits)


@pytest.mark.parametrize("one", [creatinine("80"), event("milestone", milestone="visit")])
def test_a_misspelt_visit_may_be_any_or_none_and_is_said(one: Event) -> None:
    found = at_visit(replace(one, content={**one.content, "visit": "week_21"}))
    assert found.items[0].fields["visit"] == Codes(frozenset({*VISITS, "week_21"}))
    assert found.items[0].certain
    (problem,) = found.problems
    assert problem.problem == "set_aside"
    assert problem.reason == "`week_21` is not a visit of the protocol, did you mean `week_24`?"
    other = at_visit(replace(one, content={**one.content, "visit": "EOT"}))
    assert other.problems[0].reason == "`EOT` is not a visit of the protocol, one that is not planned is `unscheduled`"


def test_a_visit_of_the_protocol_an_unscheduled_one_and_any_where_it_has_none_are_no_problem() -> None:
    assert at_visit(creatinine("80", visit="week_24")).items[0].fields["visit"] == word("week_24")
    assert at_visit(creatinine("80", visit="week_21"), visits=()).items[0].fields["visit"] == word("week_21")
    for name in ("unscheduled", "UNSCHEDULED 3.01"):
        found = at_visit(creatinine("80", visit=name))
        assert ("visit" in found.items[0].fields, found.problems) == (False, ())
    dose = at_visit(event("administration", drug="rituximab", visit="cycle 1"))
    assert (dose.items[0].fields["visit"], dose.problems) == (word("cycle 1"), ())


# --- numbers and units ------------------------------------------------------------------------------------------------


def test_nothing_is_rounded_before_it_is_compared() -> None:
    """106.2 umol/L of creatinine is above 1.2 mg/dL, which is 106.104 umol/L."""
    limit = only(creatinine("1.2", "mg/dL")).fields["value"]
    value = only(creatinine("106.2")).fields["value"]
    assert isinstance(value, Interval)
    assert limit == exactly(Fraction("106.104"))
    assert compare(value, "above", exactly(Fraction("1.2") * Fraction("88.42"))) is MET


def test_a_count_in_another_unit_is_the_same_number() -> None:
    found = only(event("observation", measure="neutrophils", value="1400", unit="/uL"))
    assert found.fields["value"] == exactly(Fraction("1.4"))
    assert found.unit == "/uL"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<50", Interval(Fraction(0), Fraction(50), high_open=True)),
        ("<=5", Interval(Fraction(0), Fraction(5))),
        (">=200", Interval(Fraction(200), None)),
        ("> 200", Interval(Fraction(200), None, low_open=True)),
    ],
)
def test_a_limit_of_quantification_is_an_interval(value: str, expected: Interval) -> None:
    assert only(creatinine(value)).fields["value"] == expected


def test_below_a_limit_may_be_below_zero_where_that_is_possible() -> None:
    found = only(event("observation", measure="base_excess", value="<2", unit="mmol/L"))
    assert found.fields["value"] == Interval(None, Fraction(2), high_open=True)


def test_a_score_needs_no_unit_and_a_measure_never_does_without() -> None:
    assert only(event("observation", measure="sledai_2k", value="12")).fields["value"] == exactly(12)
    assert only(event("observation", measure="sledai_2k", value="12", unit="1")).fields["value"] == exactly(12)
    assert only(event("observation", measure="creatinine", value="88")).fields["value"] == ANYTHING


def test_a_creatinine_without_unit_is_still_the_latest() -> None:
    found = made(creatinine("80", id_="e1"), event("observation", "e2", "2024-03-06", measure="creatinine", value="88"))
    assert [item.fields["value"] for item in found.items] == [exactly(80), ANYTHING]
    assert all(item.certain for item in found.items)


def test_a_range_is_converted_like_its_value() -> None:
    fields = only(creatinine("1.5", "mg/dL", high="1.2", low="0.6")).fields
    assert fields["high"] == exactly(Fraction("106.104"))
    assert fields["value_over_high"] == exactly(Fraction("1.25"))
    assert fields["value_over_low"] == exactly(Fraction("2.5"))


def test_a_range_is_that_of_the_event_or_else_of_its_laboratory() -> None:
    assert "high" not in only(creatinine("100")).fields
    assert "high" not in only(creatinine("100", laboratory="elsewhere")).fields
    assert only(creatinine("100", laboratory="central")).fields["high"] == exactly(90)
    north = only(creatinine("100", laboratory="north")).fields
    assert (north["value_over_high"], "low" in north, "value_over_low" in north) == (exactly(1), False, False)
    own = only(creatinine("100", laboratory="central", high="120")).fields
    assert (own["high"], "low" in own) == (exactly(120), False)


def test_no_multiple_of_a_range_that_ends_at_zero() -> None:
    fields = only(creatinine("100", low="0", high="120")).fields
    assert fields["low"] == exactly(0)
    assert "value_over_low" not in fields
    assert "value_over_high" in fields


def test_what_is_not_trusted_has_a_range_that_is_not_either() -> None:
    fields = only(event("observation", measure="creatinine", value="88", high="90")).fields
    assert fields["value"] == fields["high"] == fields["value_over_high"] == ANYTHING
    assert only(creatinine("9999999", high="90")).fields["value_over_high"] == ANYTHING
    assert only(creatinine("88", high="n/a")).fields["value_over_high"] == ANYTHING


def test_what_may_be_possible_is_kept_as_it_is() -> None:
    """Below 10 umol/L is partly impossible, and is no more trusted or cut than what was written."""
    assert only(creatinine("<10")).fields["value"] == Interval(Fraction(0), Fraction(10), high_open=True)
    assert made(creatinine("<10")).problems == ()
    assert made(creatinine("<5")).problems[0].problem == "set_aside"


def test_a_coded_measure_has_words() -> None:
    assert only(event("observation", measure="hbsag", value="negative")).fields["value"] == word("negative")
    assert only(event("observation", measure="hbsag", value="neg")).fields["value"] == ANY_WORD
    assert only(event("observation", measure="judged_refractory", value="TRUE")).fields["value"] == word("yes")
    assert only(event("observation", measure="judged_refractory", value="yes", by="Dr Kim")).fields["by"] == word(
        "Dr Kim"
    )


def test_what_is_given_comes_in_the_unit_of_its_drug() -> None:
    fields = only(
        event(
            "administration", drug="rituximab", amount="0.5", unit="g", rate="100 mg/min", weight="60500 g", route="iv"
        )
    ).fields
    assert fields["amount"] == exactly(500)
    assert fields["rate"] == exactly(6000)  # mg/h
    assert fields["weight"] == exactly(Fraction("60.5"))
    assert fields["route"] == word("iv")


@pytest.mark.parametrize(
    ("dose", "unit", "expected"),
    [
        ("10", "mg/d", exactly(10)),
        ("0.01", "g/d", exactly(10)),
        ("10", "mg/(24.h)", exactly(10)),
        ("70", "mg/wk", exactly(10)),
        ("10", "mg", ANYTHING),
        ("10", "mg/kg/d", ANYTHING),
    ],
)
def test_the_dose_of_a_therapy_is_per_day(dose: str, unit: str, expected: Interval) -> None:
    assert only(event("therapy", drug="prednisone", dose=dose, unit=unit)).fields["dose"] == expected


def test_an_amount_that_is_not_recorded_is_not_set_aside() -> None:
    found = made(event("administration", drug="rituximab"))
    assert "amount" not in found.items[0].fields
    assert found.problems == ()


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_class_or_a_disease_may_be_any_of_what_lies_below_it() -> None:
    drug = only(event("therapy", drug="corticosteroid")).fields["drug"]
    assert isinstance(drug, Codes)
    assert drug.among(VOCABULARY.under("corticosteroid")) is MET
    assert drug.among(VOCABULARY.under("prednisone")) is UNKNOWN
    assert drug.among(VOCABULARY.under("rituximab")) is NOT_MET
    assert only(event("condition", concept="pneumonia")).fields["concept"] == word("pneumonia")


@pytest.mark.parametrize("name", MILESTONES)
def test_every_milestone_is_known(name: str) -> None:
    assert only(event("milestone", milestone=name, visit="week_4")).fields["milestone"] == word(name)


def test_an_adverse_event_of_an_unknown_term_still_happened() -> None:
    found = made(event("adverse_event", term="Felt odd", grade="3", scale="ctcae 5.0", serious="true"))
    (item,), (problem,) = found.items, found.problems
    assert item.certain
    assert item.fields["concept"] == ANY_WORD
    assert item.fields["term"] == word("Felt odd")
    assert (item.fields["grade"], item.fields["scale"]) == (exactly(3), word("CTCAE v5"))
    assert item.fields["serious"] == word("yes")
    assert problem.problem == "set_aside"
    assert only(event("adverse_event", term="nausea")).fields["concept"] == word("nausea")


def test_unknown_is_an_answer_where_certain_words_are_asked_for() -> None:
    found = made(event("therapy", drug="prednisone", outcome="unknown"), event("person", "e2", sex="unknown"))
    assert found.problems == ()
    assert [item.fields.get("outcome", item.fields.get("sex")) for item in found.items] == [ANY_WORD, ANY_WORD]


@pytest.mark.parametrize(
    ("status", "certain"), [("active", True), ("Resolved", True), ("suspected", False), ("refuted", False)]
)
def test_a_disease_that_is_only_suspected_may_not_be_there(status: str, certain: bool) -> None:
    found = made(event("condition", concept="pneumonia", status=status))
    assert found.items[0].certain is certain
    assert found.items[0].fields["status"] == word(status.lower())
    assert found.problems == ()


# --- times ------------------------------------------------------------------------------------------------------------


def test_the_date_of_an_instant_is_that_of_the_site() -> None:
    found = made(
        event("person", "p", site="seoul"), creatinine("80", time="2024-03-05T23:30Z"), zone=UTC, sites={"seoul": SEOUL}
    )
    assert found.zone == SEOUL
    assert found.items[0].when == When(
        when("2024-03-06").first, when("2024-03-06").first, (instant("2024-03-05T23:30Z"),)
    )


def test_the_zone_of_the_protocol_is_that_of_a_patient_without_a_site() -> None:
    for person in (event("person"), creatinine("80")):
        assert made(person, zone=BERLIN, sites={"seoul": SEOUL}).zone == BERLIN
    assert made(event("person", site="anywhere"), zone=BERLIN).problems == ()  # a protocol without sites has one zone
    assert made(zone=BERLIN).items == ()


BOTH = {"berlin": BERLIN, "seoul": SEOUL}


def test_a_mistyped_site_of_the_patient_leaves_each_time_open_and_is_said() -> None:
    """23:30 in Berlin is the next morning in Seoul: neither is taken silently."""
    late = creatinine("80", time="2024-03-05T22:30Z", available="2024-03-05T23:30+01:00")
    found = made(event("person", "p", site="soul"), late, creatinine("81", id_="d"), zone=BERLIN, sites=BOTH)
    items = {item.id: item for item in found.items}
    assert items["e1"].when == When(when("2024-03-05").first, when("2024-03-06").first)
    assert items["d"].when == when("2024-03-05")
    assert items["p"].fields["site"] == ANY_WORD
    (problem,) = found.problems
    assert (problem.subject, problem.problem, problem.events) == ("site `soul`", "set_aside", frozenset({"p"}))
    assert problem.reason.startswith("`soul` is not a site of the protocol, did you mean `seoul`?")
    corrected = made(event("person", "p", site="seoul", revision=1), late, zone=BERLIN, sites=BOTH)
    assert (corrected.zone, corrected.problems) == (SEOUL, ())


def test_a_mistyped_site_is_said_once_for_all_its_records_even_where_all_zones_are_one() -> None:
    records = [event("person", "p", site="B"), creatinine("80", id_="c", site="C"), creatinine("81", id_="d", site="C")]
    found = made(*records, zone=SEOUL, sites={"A": SEOUL, "B": SEOUL})
    assert [(each.subject, each.events) for each in found.problems] == [("site `C`", frozenset({"c", "d"}))]
    assert all(item.when == when("2024-03-05") for item in found.items)


def test_a_time_without_offset_is_local_where_its_record_was_made() -> None:
    person = event("person", "p", site="seoul")
    visit = creatinine("80", time="2024-03-05T20:00", site="berlin", available="2024-03-05T21:00")
    for zone in (BERLIN, SEOUL, UTC):
        found = made(person, visit, zone=zone, sites=BOTH, known=instant("2024-03-05T20:00Z"))
        assert [item.when for item in found.items if item.id == "e1"] == [when("2024-03-05T19:00Z")]
        assert (found.zone, found.problems) == (SEOUL, ())
    # With an offset, or as a date, nothing is local.
    same = made(person, creatinine("80", time="2024-03-05T19:00Z", site="berlin"), sites=BOTH)
    assert [item.when for item in same.items if item.id == "e1"] == [when("2024-03-05T19:00Z")]


def test_a_mistyped_site_of_a_record_leaves_only_its_local_times_open() -> None:
    person = event("person", "p", site="seoul")
    local, instants = (creatinine("80", time=f"2024-03-05T03:00{offset}", site="brelin") for offset in ("", "Z"))
    (item,) = (each for each in made(person, local, sites=BOTH).items if each.id == "e1")
    assert item.when.instants == (instant("2024-03-04T18:00Z"), instant("2024-03-05T02:00Z"))
    found = made(person, instants, sites=BOTH)
    assert [each.when for each in found.items if each.id == "e1"] == [when("2024-03-05T03:00Z")]
    assert [each.subject for each in found.problems] == ["site `brelin`"]


def test_a_patient_whose_site_only_other_records_name_may_be_there() -> None:
    found = made(creatinine("80", time="2024-03-05T20:00Z", site="seoul"), zone=BERLIN, sites=BOTH)
    assert found.items[0].when == When(when("2024-03-05").first, when("2024-03-06").first)
    assert [(each.problem, each.events) for each in found.problems] == [("conflict", frozenset({"e1"}))]
    approval = event("milestone", milestone="version_approved", version="2", site="seoul")
    assert made(approval, zone=BERLIN, sites=BOTH).problems == ()
    assert made(creatinine("80", site="berlin"), zone=BERLIN, sites=BOTH).problems == ()


def test_sites_in_two_zones_leave_each_date_open() -> None:
    people = [event("person", name, site=site) for name, site in (("p1", "seoul"), ("p2", "new_york"))]
    sites = {"seoul": SEOUL, "new_york": NEW_YORK}
    found = made(
        *people, creatinine("80", time="2024-03-05T20:00Z"), creatinine("81", id_="e2"), zone=SEOUL, sites=sites
    )
    values = {item.id: item for item in found.items}
    assert values["e1"].when == When(when("2024-03-05").first, when("2024-03-06").first)
    assert values["e2"].when == when("2024-03-05")
    assert [(problem.problem, problem.events) for problem in found.problems] == [("conflict", frozenset({"p1", "p2"}))]
    assert found.zone == SEOUL
    corrected = [*people, retraction(people[1], 1)]
    assert made(*corrected, zone=UTC, sites=sites).problems == ()
    assert made(*corrected, zone=UTC, sites=sites).zone == SEOUL


def test_an_hour_that_occurs_twice_is_either() -> None:
    found = only(creatinine("80", time="2024-11-03T01:30"), zone=NEW_YORK)
    assert len(found.when.instants) == 2


def test_an_hour_that_does_not_occur_is_set_aside_on_its_date() -> None:
    found = made(creatinine("80", time="2024-03-10T02:30"), zone=NEW_YORK)
    assert found.items[0].when == when("2024-03-10")
    assert found.items[0].fields["value"] == ANYTHING
    assert found.items[0].certain
    assert [problem.problem for problem in found.problems] == ["set_aside"]


@pytest.mark.parametrize("kind", ["therapy", "condition", "adverse_event"])
@pytest.mark.parametrize(
    ("content", "start", "end"),
    [
        ({}, "2024-03-05", None),
        ({"start": "2013"}, "2013", None),
        ({"start": "2013", "end": "2014-02"}, "2013", "2014-02"),
        ({"start": "2013", "ongoing": "yes"}, "2013", "FAR"),
        ({"start": "2013", "ongoing": "no"}, "2013", "start"),
        ({"start": "2013-05", "end": "2013-04"}, "2013-05", "start"),
        ({"start": "2013-05", "end": "some day"}, "2013-05", "start"),
        ({"start": "2013-05", "end": "2014", "ongoing": "yes"}, "2013-05", "start"),
        ({"start": "2013-05", "ongoing": "perhaps"}, "2013-05", "start"),
        ({"start": "2013-05", "end": "2013"}, "2013-05", "2013"),
    ],
)
def test_what_lasts_has_an_end(kind: Kind, content: dict[str, str], start: str, end: str | None) -> None:
    subject = {"drug": "prednisone"} if kind == "therapy" else {"concept": "pneumonia"}
    found = only(event(kind, **subject, **content))
    began = when(start)
    assert found.when == began
    assert found.visible == (began if began.last < when("2024-03-05").first else when("2024-03-05"))
    match end:
        case None:
            assert found.end == When(when("2024-03-05").first, FAR)
        case "FAR":
            assert found.end == When(FAR, FAR)
        case "start":
            assert found.end == When(when(start).first, FAR)
        case _:
            assert found.end == when(end)


def test_without_an_end_it_is_unknown_from_the_last_mention_on() -> None:
    found = only(event("therapy", drug="prednisone", time="2024-03", start="2024-05-01"))
    assert found.end == When(when("2024-05-01").first, FAR)


def test_a_start_that_cannot_be_read_is_any_time_before() -> None:
    found = only(event("therapy", drug="prednisone", start="UNK"))
    assert found.when == When(LONG_AGO, when("2024-03-05").last)
    assert found.visible == when("2024-03-05")


def test_an_infusion_is_when_it_starts_and_its_end_is_a_field() -> None:
    found = only(
        event("administration", drug="rituximab", start="2024-03-05T09:00", time="2024-03-05", end="2024-03-05T13:00")
    )
    assert found.when == when("2024-03-05T09:00")
    assert found.visible == when("2024-03-05")
    assert found.fields["end"] == when("2024-03-05T13:00")
    assert found.end is None
    backwards = only(event("administration", drug="rituximab", time="2024-03-05T09:00", end="2024-03-05T08:00"))
    assert backwards.fields["end"] == When(when("2024-03-05").first, FAR)


def test_when_it_was_recorded_and_available_is_told_and_received_is_not() -> None:
    fields = only(creatinine("80", recorded="2024-03-09", available="2024-03-06", received="2024-03-10")).fields
    assert (fields["recorded"], fields["available"]) == (when("2024-03-09"), when("2024-03-06"))
    assert "received" not in fields


def test_a_birth_date_may_be_partial() -> None:
    assert only(event("person", birth="1980")).fields["birth"] == when("1980")
    assert only(event("person", birth="?")).fields["birth"] == When(LONG_AGO, FAR)


def test_a_birth_after_what_is_told_of_the_patient_is_not_believed() -> None:
    later = made(event("person", time="2024-03-05", birth="2024-03-06"))
    assert later.items[0].fields["birth"] == When(LONG_AGO, FAR)
    assert [(each.problem, each.reason) for each in later.problems] == [
        ("set_aside", "the birth date `2024-03-06` is after `2024-03-05`, when it was told")
    ]
    person, value = event("person", "p", birth="2001-05-20", site="?"), creatinine("80", time="2001-05-19")
    found = made(person, value, creatinine("81", id_="e2"))
    assert next(item for item in found.items if item.id == "p").fields["birth"] == When(LONG_AGO, FAR)
    assert [(each.subject, each.problem, each.reason, each.events) for each in found.problems] == [
        ("p", "set_aside", "the birth date 2001-05-20 is after `e1`, which is of 2001-05-19", frozenset({"p", "e1"}))
    ]
    # One of two contradicting dates is corrected, or may be right: nothing is wrong.
    assert made(person, value, retraction(value, 1)).problems == ()
    assert made(person, creatinine("80", time="2001-05")).problems == ()
    assert made(event("person", time="2024-03-05", birth="2024-03")).problems == ()


# --- whether ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "answer", "certain"),
    [
        ({}, "yes", True),
        ({"absent": "yes"}, "absent", True),
        ({"absent": "true"}, "absent", True),
        ({"absent": "No"}, "yes", True),
        ({"done": "no", "reason": "vomited"}, "not_done", True),
        ({"done": "no", "absent": "yes"}, "not_done", True),
        ({"done": "yes"}, "yes", True),
        ({"done": "hardly"}, "yes", False),
        ({"absent": "unknown"}, "yes", False),
    ],
)
def test_a_record_may_say_no(content: dict[str, str], answer: str, certain: bool) -> None:
    found = only(event("administration", drug="rituximab", **content))
    assert (found.answer, found.certain) == (answer, certain)


def test_a_denial_covers_what_lies_below() -> None:
    found = only(event("condition", concept="infection", absent="yes"))
    assert found.fields["concept"] == Codes(frozenset({"infection", "pneumonia"}))


def test_a_dose_not_given_may_have_an_amount_of_nothing_and_no_other() -> None:
    none = made(event("administration", drug="rituximab", done="no", amount="0", planned="RTX#2"))
    assert (none.items[0].answer, none.problems) == ("not_done", ())
    some = made(event("administration", drug="rituximab", done="no", amount="500", unit="mg"))
    assert (some.items[0].answer, some.items[0].certain) == ("yes", False)
    assert some.items[0].fields["amount"] == ANYTHING


@pytest.mark.parametrize("kind", sorted(CARRIES))
def test_a_key_that_is_not_known_leaves_everything_open(kind: Kind) -> None:
    subject = {
        "observation": {"measure": "creatinine", "value": "80", "unit": "umol/L"},
        "administration": {"drug": "rituximab", "amount": "500", "unit": "mg"},
        "therapy": {"drug": "prednisone", "dose": "5", "unit": "mg/d"},
        "condition": {"concept": "pneumonia"},
        "adverse_event": {"concept": "nausea", "grade": "3", "scale": "CTCAE v5"},
        "procedure": {"concept": "renal_biopsy"},
        "milestone": {"milestone": "consent"},
        "person": {},
    }[kind]
    plain, found = only(event(kind, **subject)), made(event(kind, **subject, absnet="yes"))
    (item,), (problem,) = found.items, found.problems
    assert plain.certain
    assert not item.certain
    assert item.when == plain.when
    assert all(
        item.fields[key] in {ANYTHING, ANY_WORD} for key in ("value", "amount", "dose", "grade") if key in plain.fields
    )
    assert all(item.fields[key] == plain.fields[key] for key in ("measure", "drug", "concept") if key in plain.fields)
    assert "did you mean `absent`?" in problem.reason
    assert made(event(kind, **subject, x_absnet="yes")) == made(event(kind, **subject))


# --- revisions, retractions, conflicts --------------------------------------------------------------------------------


def test_the_highest_revision_holds_wherever_it_came() -> None:
    wrong, right = creatinine("800"), creatinine("80", revision="1")
    assert made(wrong, right) == made(right, wrong) == made(right)


def test_a_retraction_of_a_higher_revision_removes_the_event() -> None:
    given_ = creatinine("80")
    gone = retraction(given_, 1)
    assert made(given_, gone) == made(gone, given_) == made(gone) == made()
    back = creatinine("81", revision="2")
    assert made(back, gone, given_) == made(back)
    assert made(given_, replace(gone, available="soon")).problems == ()


def test_a_retraction_of_the_events_own_revision_is_a_conflict() -> None:
    found = made(creatinine("80"), retraction(creatinine("80"), 0))
    assert not found.items[0].certain
    assert found.items[0].fields["value"] == exactly(80)
    assert [problem.problem for problem in found.problems] == ["conflict"]


def test_the_same_content_again_is_ignored() -> None:
    one = creatinine("1.4", "mg/dL", recorded="2024-03-06")
    assert made(one, one, replace(one, received="2024-04-01", origin="b:9")) == made(one)
    assert made(one, replace(one, content={**one.content, "value": "1.40"})) == made(one)
    timed = creatinine("80", time="2024-03-05T09:00+09:00")
    assert made(timed, replace(timed, time="2024-03-05T00:00Z")) == made(timed)


def test_two_contents_of_one_revision_agree_on_what_they_agree_on() -> None:
    one = creatinine("80", visit="week_4", method="enzymatic")
    other = creatinine("90", visit="week_4", time="2024-03-07")
    found = made(one, other)
    (item,), (problem,) = found.items, found.problems
    assert item.certain
    assert item.fields["value"] == ANYTHING
    assert item.fields["method"] == ANY_WORD
    assert item.fields["visit"] == word("week_4")
    assert item.when == item.visible == When(when("2024-03-05").first, when("2024-03-07").first)
    assert problem.problem == "conflict"
    assert "`value` is `80` or `90`" in problem.reason
    assert "`method` is not given or `enzymatic`" in problem.reason
    assert found == made(other, one)


def test_one_value_in_two_units_is_a_conflict_too() -> None:
    """Limits may be written per unit, so the unit is part of what is said."""
    item = only(creatinine("88.42"), creatinine("1", "mg/dL"))
    assert (item.fields["value"], item.unit) == (ANYTHING, "")


def test_two_times_of_one_date_are_a_choice() -> None:
    item = only(creatinine("80", time="2024-03-05T09:00"), creatinine("80", time="2024-03-05T15:00"))
    assert item.when.instants == (*when("2024-03-05T09:00").instants, *when("2024-03-05T15:00").instants)
    assert item.fields["value"] == exactly(80)


def test_contents_about_different_things_are_each_possibly_there() -> None:
    found = made(creatinine("80"), event("observation", measure="c3", value="0.9", unit="g/L"))
    assert [(item.id, item.certain) for item in found.items] == [("e1", False), ("e1", False)]
    assert {str(item.fields["measure"]) for item in found.items} == {"c3", "creatinine"}
    assert {str(item.fields["value"]) for item in found.items} == {"0.9", "80"}
    assert [problem.problem for problem in found.problems] == ["conflict"]


def test_one_that_says_no_and_one_that_says_yes_leave_it_open() -> None:
    yes, no = event("condition", concept="pneumonia"), event("condition", concept="pneumonia", absent="yes")
    item = only(yes, no)
    assert (item.answer, item.certain) == ("yes", False)


def test_a_higher_revision_ends_a_conflict() -> None:
    end = creatinine("85", revision="1")
    assert made(creatinine("80"), creatinine("90"), end) == made(end)


def test_a_correction_that_cannot_be_read_leaves_open_what_it_corrects() -> None:
    given_ = creatinine("80")
    illegible = event("observation", revision=1, measure="creatinin", value="90", unit="umol/L")
    torn = Unreadable("why", "m", "P1", "e1", 1)
    unnumbered = Unreadable("why", "m", "P1", "e1", None)
    for record in (illegible, torn, unnumbered):
        found = made(given_, record)
        assert [(item.certain, item.fields["value"]) for item in found.items] == [(False, ANYTHING)]
        assert found.items[0].fields["measure"] == word("creatinine")
        assert [problem.problem for problem in found.problems] == ["unreadable"]
        assert made(record).items == ()
    right = creatinine("90", revision="2")
    assert made(given_, illegible, torn, right) == made(right)


def test_one_of_two_contents_that_cannot_be_read_is_unreadable_and_a_conflict() -> None:
    found = made(creatinine("80"), event("observation", measure="creatinin", value="90", unit="umol/L"))
    assert [item.certain for item in found.items] == [False]
    assert [problem.problem for problem in found.problems] == ["conflict", "unreadable"]


def test_other_patients_records_do_not_matter() -> None:
    other = creatinine("90", id_="e9", patient="P2")
    assert made(creatinine("80"), other) == made(creatinine("80"))


def test_items_stand_by_kind_then_time_then_id() -> None:
    records = [
        creatinine("1", id_="b"),
        creatinine("2", id_="a"),
        creatinine("3", id_="c", time="2024-03-04"),
        event("administration", "z", drug="rituximab"),
    ]
    assert [item.id for item in made(*records).items] == ["z", "c", "a", "b"]


# --- as known ---------------------------------------------------------------------------------------------------------

TEN = instant("2024-03-10T00:00Z")


def test_what_was_not_available_yet_was_not_known() -> None:
    late = creatinine("80", available="2024-03-11")
    assert made(late, known=TEN).items == ()
    assert only(late, known=instant("2024-03-12T00:00Z")).certain


def test_what_does_not_say_when_it_was_available_may_have_been_known() -> None:
    item = only(creatinine("80"), known=TEN)
    assert not item.certain
    assert item.fields["value"] == exactly(80)
    assert made(creatinine("80"), known=TEN).problems == ()


def test_on_its_date_of_availability_it_may_have_been_known() -> None:
    found = creatinine("80", available="2024-03-10")
    day = SEOUL.start_of(when("2024-03-10").first)
    assert made(found, known=day - 1).items == ()
    assert not only(found, known=day).certain
    assert only(found, known=SEOUL.end_of(when("2024-03-10").first)).certain
    timed = creatinine("80", available="2024-03-10T09:00+09:00")
    assert made(timed, known=TEN - 1).items == ()
    assert only(timed, known=TEN).certain


def test_the_revision_that_was_known_is_read() -> None:
    first, second = creatinine("80", available="2024-03-06"), creatinine("90", revision="1", available="2024-03-20")
    assert only(first, second, known=TEN).fields["value"] == exactly(80)
    assert only(first, second).fields["value"] == exactly(90)
    assert only(first, retraction(first, 1, "2024-03-20"), known=TEN).certain
    assert made(first, retraction(first, 1, "2024-03-08"), known=TEN).items == ()


def test_a_revision_that_may_have_been_known_is_like_a_conflict() -> None:
    first, second = creatinine("80", available="2024-03-06"), creatinine("90", revision="1")
    found = made(first, second, known=TEN)
    assert (found.items[0].certain, found.items[0].fields["value"]) == (True, ANYTHING)
    assert found.problems == ()
    assert not only(first, retraction(first, 1), known=TEN).certain
    assert not only(replace(first, available=""), second, known=TEN).certain


def test_a_copy_that_came_later_does_not_hide_the_first() -> None:
    early, late = creatinine("80", available="2024-03-06"), creatinine("80", available="2024-03-20")
    assert only(early, late, known=TEN).certain
    assert only(early, late, known=TEN).fields["available"] == when("2024-03-06")
    assert only(early, replace(early, available=""), known=TEN).certain
    assert only(replace(early, available=""), early, known=TEN).certain
    assert not only(late, replace(early, available=""), known=TEN).certain


# --- laws -------------------------------------------------------------------------------------------------------------

VALUES = ("80", "1.4", "1.40", "<5", "oops")
TIMES = ("2024-03-05T15:00", "2024-03-05", "2024-03", "2024-03-05T09:00", "2024-03-05T00:00Z", "2024-03-07T23:30-05:00")
PLACES = ("", "", "", "seoul", "new_york", "elsewhere")
WHEN_KNOWN = ("", "2024-03-06", "2024-03-10T09:00+09:00", "2024-03-20", "nonsense")


@st.composite
def events(draw: st.DrawFn, ids: str = "aab", revisions: int = 1, *, retractions: bool = True) -> Event:
    """Events of few ids and revisions, so that they meet: corrections, retractions, conflicts, other patients."""
    one = event(
        draw(st.sampled_from(("observation", "therapy", "condition", "person"))),
        draw(st.sampled_from(ids)),
        draw(st.sampled_from(TIMES)),
        revision=draw(st.integers(0, revisions)),
        available=draw(st.sampled_from(WHEN_KNOWN)),
        recorded=draw(st.sampled_from(("", "2024-03-08"))),
        patient=draw(st.sampled_from(("P1", "P1", "P1", "P2"))),
    )
    if retractions and draw(st.integers(0, 4)) == 0:
        return retraction(one, one.revision, one.available)
    match one.kind:
        case "observation":
            measure = draw(st.sampled_from(("creatinine", "creatinine", "c3", "creatinin")))
            unit = draw(st.sampled_from(("umol/L", "mg/dL", "")))
            content = {"measure": measure, "value": draw(st.sampled_from(VALUES)), "unit": unit}
        case "therapy":
            content = {"drug": draw(st.sampled_from(("prednisone", "corticosteroid"))), "start": "2013"}
            content["ongoing"] = draw(st.sampled_from(("yes", "no", "")))
        case "condition":
            content = {"concept": "pneumonia", "absent": draw(st.sampled_from(("yes", "")))}
        case _:
            content = {}
    sites = ("", "seoul", "new_york", "elsewhere") if one.kind == "person" else PLACES
    content["site"] = draw(st.sampled_from(sites))
    return replace(one, content={key: text for key, text in content.items() if text})


@st.composite
def streams(draw: st.DrawFn, most: int = 5) -> list[Event]:
    """Events, and more of some of them: the same but for its time, its value, its revision, or when it came."""
    drawn = draw(st.lists(events(), max_size=most))
    for one in drawn[:3]:
        match draw(st.sampled_from(("nothing", "time", "time", "value", "revision", "copy"))):
            case "time":
                drawn.append(replace(one, time=draw(st.sampled_from(TIMES))))
            case "value" if "value" in one.content:
                drawn.append(replace(one, content={**one.content, "value": draw(st.sampled_from(VALUES))}))
            case "revision":
                drawn.append(replace(one, revision=one.revision + 1, available=draw(st.sampled_from(WHEN_KNOWN))))
            case "copy":
                drawn.append(replace(one, available=draw(st.sampled_from(WHEN_KNOWN)), received="2024-04-01"))
            case _:
                pass
    return drawn


SITES = {"seoul": SEOUL, "new_york": NEW_YORK}
KNOWN = st.sampled_from((None, TEN, instant("2024-03-06T12:00Z"), instant("2024-03-25T00:00Z")))


@given(streams(), st.randoms(use_true_random=False), KNOWN)
def test_order_and_duplication_never_matter(records: list[Event], random: object, known: int | None) -> None:
    """Law 1: the same set of records gives the same timeline, in any order, however often each came."""
    again = [*records, *records[::2]]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert made(*again, sites=SITES, known=known) == made(*records, sites=SITES, known=known)


@given(streams(4), events(ids="z", revisions=1), st.integers(2, 3))
def test_a_retraction_is_never_having_been(records: list[Event], wrong: Event, revision: int) -> None:
    """Law 2, first half: with today's knowledge, a retracted event leaves no trace in the timeline."""
    assert made(*records, wrong, retraction(wrong, revision), sites=SITES) == made(*records, sites=SITES)


@given(streams(4), events(ids="z", revisions=1), events(ids="z", retractions=False))
def test_a_correction_equals_having_sent_the_corrected_event_first(
    records: list[Event], wrong: Event, right: Event
) -> None:
    """Law 2, second half: only what the highest revision says counts, if it can be read."""
    right = replace(right, patient=wrong.patient, revision=2)
    assume(right.content.get("measure") != "creatinin")
    assert made(*records, wrong, right, sites=SITES) == made(*records, right, sites=SITES)


@given(streams(4), events(), st.sampled_from(("2024-03-11", "2024-04-01T00:00Z")))
def test_what_was_known_is_untouched_by_what_became_available_later(
    records: list[Event], late: Event, available: str
) -> None:
    """Law 2, third part: as known at T, revisions that became available after T change nothing."""
    late = replace(late, available=available)
    assert made(*records, late, sites=SITES, known=TEN) == made(*records, sites=SITES, known=TEN)


def covers(wide: Item, narrow: Item) -> bool:
    """Whether an item allows for another one: each date, value and word of it."""
    for name, value in wide.fields.items():
        other = narrow.fields.get(name)
        if isinstance(value, Interval) and isinstance(other, Interval) and value not in {ANYTHING, other}:
            return False
        if isinstance(value, Codes) and isinstance(other, Codes) and value.words is not None and value != other:
            return False
    return wide.when.first <= narrow.when.first and narrow.when.last <= wide.when.last


@given(st.lists(events(ids="a", revisions=0), min_size=1, max_size=3))
def test_a_conflict_allows_for_each_of_its_contents(records: list[Event]) -> None:
    """Each content that came is among what the timeline leaves possible, so a correction only sharpens."""
    mine = [record for record in records if record.patient == "P1"]
    together = made(*mine).items
    for record in mine:
        for item in made(record).items:
            candidates = [wide for wide in together if wide.kind == item.kind and covers(wide, item)]
            assert candidates
            assert item.certain or not any(wide.certain for wide in candidates)


@given(streams(), KNOWN)
def test_every_record_is_an_item_or_a_problem_or_was_replaced(records: list[Event], known: int | None) -> None:
    """Nothing disappears: with today's knowledge each id has an item or a problem, unless it was retracted."""
    found = made(*records, sites=SITES)
    seen = {item.id for item in found.items} | {name for problem in found.problems for name in problem.events}
    for name in {record.id for record in records if record.patient == "P1"}:
        own = [record for record in records if record.id == name and record.patient == "P1"]
        last = max(record.revision for record in own)
        assert name in seen or all(record.retracted for record in own if record.revision == last)
    later = {item.id for item in made(*records, sites=SITES, known=known).items}
    assert later <= {record.id for record in records}


KEYS = sorted({key for keys in CARRIES.values() for key in keys} | set(EVERY_KIND))
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        (*VOCABULARY.terms, *MILESTONES, *TIMES, *VALUES, "yes", "no", "mg", "mg/d", "/", "/h", "50 mg/h", "5 kg")
    ),
)


@given(st.sampled_from(sorted(CARRIES)), st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=8), TEXTS, KNOWN)
def test_any_content_is_read_or_doubted(kind: Kind, content: dict[str, str], available: str, known: int | None) -> None:
    """Reading never raises; what it doubts or refuses has a sentence that can be printed."""
    one = replace(event(kind), content=content, available=available)
    found, today = made(one, known=known), made(one)
    assert len(found.items) <= 1
    assert today.items or today.problems
    assert known is not None or found == today
    for problem in found.problems:
        assert problem.reason
        assert problem.reason.isprintable()
    for item in found.items:
        assert item.when.first <= item.when.last
        assert item.end is None or item.end.first <= item.end.last


def test_the_generator_makes_what_the_laws_are_about() -> None:
    """A law is only as good as its generator: each thing comes up in a fair share of draws."""
    counted = dict.fromkeys(("conflict", "set_aside", "unreadable", "uncertain", "corrected", "retracted", "choice"), 0)
    examples = 300

    @given(streams())
    def draw(records: list[Event]) -> None:
        found = made(*records, sites=SITES)
        problems = {problem.problem for problem in found.problems}
        for name in problems:
            counted[name] += 1
        counted["uncertain"] += any(not item.certain for item in found.items)
        counted["corrected"] += any(r.revision and not r.retracted for r in records)
        counted["retracted"] += any(r.retracted for r in records)
        counted["choice"] += any(len(item.when.instants) > 1 for item in found.items)

    settings(max_examples=examples, derandomize=True, database=None)(draw)()
    assert all(counted.values()), counted
    for often in ("conflict", "set_aside", "uncertain", "corrected", "retracted"):
        assert counted[often] >= examples // 10, counted


def test_a_problem_is_a_value() -> None:
    (problem,) = made(event("observation", measure="creatinine", value="88")).problems
    assert problem == Problem(
        "e1",
        "set_aside",
        "the unit is missing, creatinine is in mg/dL or umol/L",
        on_date(when("2024-03-05").first),
        frozenset({"e1"}),
    )
