"""What the words of a protocol become, and that nothing is lost or added on the way."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from textwrap import indent

import jsonschema
import pytest

from tests.language.kernel_words import said
from trialspec import items, values
from trialspec.compile import Compiled, compile_protocol
from trialspec.diagnostics import ProtocolError
from trialspec.document import Plain, dump, read
from trialspec.kernel import Compare, Constant, Moment, Pick, Select, Window
from trialspec.load import freeze, load, load_written, schema
from trialspec.model.points import day_meant, read_point, read_quantity
from trialspec.model.records import WORDS
from trialspec.model.reference import reference
from trialspec.model.schedule import MILESTONES
from trialspec.model.verb import VERBS
from trialspec.program import Criterion, DosePlan, Response, VisitPlan
from trialspec.quantity import Duration, exactly

HERE = Path(__file__).parent
SKETCH = HERE / "language" / "sketch.yaml"
FOUNDING = HERE.parent / "protocols" / "rituximab-refractory-lupus-nephritis"
SMALL = """
language: 1
protocol: small
title: A small protocol
version: 1.0.0
zone: Asia/Seoul
use: [rules/lupus-nephritis, rules/b-cell-depletion]
silence_means_no: {administration: always, condition: screened, therapy: screened, procedure: screened}
moments:
  day_1: {first: rituximab, from: screened}
visits:
  baseline: {from: 28 d before day_1, through: day_1, first_due: 14 d after enrolled}
  week_4: {on: day 29, early: 7 d, late: 7 d}
  week_12: {on: day 85, early: 7 d, late: 7 d}
"""


def compiled(text: str, folder: Path) -> Compiled:
    file = folder / "protocol.yaml"
    file.write_text(SMALL + text, encoding="utf-8")
    return compile_protocol(load(file))


def gate(text: str, folder: Path) -> str:
    return said(compiled(f"gates: {{a: {text}}}", folder).program.gates["a"].expr)


def response(text: str, folder: Path, more: str = "") -> Response:
    whole = f"""
responses:
  r:
    at: week_4
    baseline: {{latest_at: baseline}}
    components:
      a:
{indent(text, " " * 8)}
    categories: [{{category: better, when: a}}, {{category: other, when: otherwise}}]
    {more}
"""
    return compiled(whole, folder).program.responses[0]


# --- the founding protocol --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SKETCH, FOUNDING], ids=["sketch", "founding"])
def test_the_founding_protocol_compiles_without_a_warning(path: Path) -> None:
    assert compile_protocol(load(path)).warnings == ()


def test_the_founding_protocol_says_what_was_written() -> None:
    program = compile_protocol(load(SKETCH)).program
    refractory = "distinct drug of therapy closed at screened[drug in"
    assert [criterion.name for criterion in program.criteria] == ["I1", "I2", "I3", "E1"]
    assert said(program.criteria[1].expr).startswith(refractory)
    assert said(program.criteria[1].expr).endswith("outcome in inadequate_response|relapse] at_least 1")
    assert said(program.gates["neutrophils_recovered"].expr) == (
        "latest observation[measure in neutrophils; from dose - 7 d, through dose] above 1.5"
    )
    assert said(program.moments["day_1"].of) == "administration closed[drug in rituximab; from screened]"
    rituximab, cyclophosphamide = program.doses
    assert [said(point) for point in rituximab.planned] == ["day_1 + 0 d", "day_1 + 14 d"]
    assert [said(point) for point in cyclophosphamide.planned] == ["day_1 + 2 d", "day_1 + 16 d"]
    assert (rituximab.amount, rituximab.unit, rituximab.amount_within) == (exactly(500), "mg", Fraction(1, 20))
    assert program.course is not None
    assert said(program.course.through) == "day_1 + 27 d"
    assert len(program.responses[0].components) == 3 * 2
    assert program.responses[0].then == {
        "withdrawal": "not_evaluable",
        "death": "not_evaluable",
        "rescue": "not_evaluable",
    }


def test_what_a_definition_assumes_is_said_where_it_is_used() -> None:
    program = compile_protocol(load(SKETCH)).program
    assert any("at_least: adequate dose" in reason for reason in program.criteria[1].provenance.assumed)
    assert program.criteria[1].provenance.text == "Refractory to steroid"
    assert program.responses[0].provenance.assumed == ("no cut-off published",)


# --- each verb --------------------------------------------------------------------------------------------------------

TABLE, _ = read((HERE / "language" / "criteria.yaml").read_text(encoding="utf-8"), "criteria.yaml")
assert TABLE is not None


def rows(section: str) -> list[tuple[str, str]]:
    assert TABLE is not None
    return [(dump(row["says"].plain()).strip(), row["becomes"].text) for row in TABLE[section].members()]


@cache
def every_row() -> Mapping[str, Criterion]:
    listed = "".join(f"    C{number}:\n{indent(says, ' ' * 6)}\n" for number, (says, _) in enumerate(rows("criteria")))
    node, _ = read(f"{SMALL}eligibility:\n  include:\n{listed}", "every row")
    assert node is not None
    program = compile_protocol(load_written(node, HERE / "every-row.yaml")).program
    return {criterion.name: criterion for criterion in program.criteria}


@pytest.mark.parametrize(("number", "becomes"), list(enumerate(row[1] for row in rows("criteria"))))
def test_what_a_criterion_becomes(number: int, becomes: str) -> None:
    found = every_row()[f"C{number}"]
    assert said(found.expr) == becomes
    assert list(unplaced(found, "criterion")) == []


def test_every_verb_is_shown_there() -> None:
    shown = {verb for says, _ in rows("criteria") for verb in VERBS if re.search(rf"\b{verb}:", says)}
    shown |= {file.stem for file in (HERE / "semantics").glob("*.yaml")}
    assert set(VERBS) - shown <= {"judged", "met", "category_of"}  # these need a declaration of their own, below


def test_the_category_of_a_response_is_its_condition_and_none_before_it(tmp_path: Path) -> None:
    text = """responses:
  r:
    at: week_4
    components: {low: {latest: c3, below: 0.9 g/L}, lower: {latest: c3, below: 0.5 g/L}}
    categories: [{category: two, when: lower}, {category: one, when: low}, {category: none, when: otherwise}]
gates: {a: {category_of: r, at: week_4, is: [two, none]}}
"""
    value = (
        "nearest to day_1 + 28 d observation[measure in c3; visit in week_4 or absent=met; "
        "from day_1 + 28 d - 7 d, through day_1 + 28 d + 7 d]"
    )
    low, lower = f"low: 1 of ({value} below 0.9)", f"lower: 1 of ({value} below 0.5)"
    answered = f"1 of (r at week_4: two: 1 of ({lower}) & r at week_4: none: 2 of (not {lower} & not {low}))"
    begun = "day_1 + 28 d - 7 d at_most now"
    assert said(compiled(text, tmp_path).program.gates["a"].expr) == (
        f"1 of (2 of ({begun} & {answered}) & 2 of (not {begun} & unknown))"
    )


def test_a_judgement_is_asked_of_the_investigator(tmp_path: Path) -> None:
    text = "measures: {able: {values: [yes, no]}}\neligibility: {include: {A: {judged: investigator, of: able}}}"
    expr = compiled(text, tmp_path).program.criteria[0].expr
    assert said(expr) == "latest observation[measure in able] in yes"
    assert isinstance(expr, Compare)
    assert isinstance(expr.left, Pick)
    assert expr.left.of.asked_of == "investigator"


def test_a_limit_for_each_unit_holds_for_units_of_the_same_size(tmp_path: Path) -> None:
    expr = compiled("gates: {a: {latest: upcr, below: [0.5 g/g, 50 mg/mmol]}}", tmp_path).program.gates["a"].expr
    assert isinstance(expr, Compare)
    assert isinstance(expr.right, Constant)
    limits = dict(expr.right.by_unit)
    assert limits["g/g"] == limits["mg/mg"] == exactly(Fraction(1, 2))
    assert limits["mg/mmol"] == exactly(Fraction(50) / Fraction("113.12"))


def test_a_name_stands_for_what_it_names(tmp_path: Path) -> None:
    text = "eligibility: {include: {A: {sex: female}, B: {any: [A, {not: A}]}, C: {met: A, text: The same}}}"
    first, second, third = compiled(text, tmp_path).program.criteria
    named = f"A: 1 of ({said(first.expr)})"
    assert said(second.expr) == f"1 of ({named} & not {named})"
    assert said(third.expr) == named
    assert third.provenance.text == "The same"


def test_a_gate_speaks_of_the_dose_and_says_what_to_do(tmp_path: Path) -> None:
    assert gate("{latest: neutrophils, from: 7 d before dose, before: dose, above: 1.5 10*9/L}", tmp_path) == (
        "latest observation[measure in neutrophils; from dose - 7 d, before dose] above 1.5"
    )
    gates = compiled(
        "gates: {a: {sex: male}, b: {sex: male, otherwise: warn}, c: pregnancy_excluded}", tmp_path
    ).program.gates
    assert [gates[name].otherwise for name in "abc"] == ["hold", "warn", "hold"]


# --- silence ----------------------------------------------------------------------------------------------------------


def test_silence_means_no_where_the_protocol_says_so_and_never_for_values(tmp_path: Path) -> None:
    program = compiled("eligibility: {include: {A: {has: pregnancy}}}", tmp_path).program
    assert set(program.history) == {"administration", "condition", "therapy", "procedure"}
    assert program.history["administration"] == "always"
    assert program.history["condition"] == program.moments["screened"]
    for select in selects(program.criteria[0].expr):
        assert select.history == program.moments["screened"]
    assert said(program.moments["enrolled"].of) == "milestone closed[milestone in enrolment]"
    assert said(program.moments["screened"].of) == "milestone closed[milestone in screening; through enrolled]"


def selects(node: object) -> Iterator[Select]:
    if isinstance(node, Select):
        yield node
    if isinstance(node, tuple):
        for part in node:
            yield from selects(part)
    elif dataclasses.is_dataclass(node) and not isinstance(node, Moment | type):
        for field in dataclasses.fields(node):
            yield from selects(getattr(node, field.name))


# --- responses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("says", "becomes"), rows("components"))
def test_a_component_is_read_at_its_visit(says: str, becomes: str, tmp_path: Path) -> None:
    assert said(response(says, tmp_path).components[0].expr) == becomes


def test_outside_the_window_the_nearest_value_of_the_catchment_counts(tmp_path: Path) -> None:
    # The window of week 4 is day 22 to 36, the baseline ends on day 1, week 12 begins on day 78.
    expr = response("{latest: c3, above: 0.9 g/L}", tmp_path, "out_of_window: allowed").components[0].expr
    (select,) = selects(expr)
    assert said(select.window) == "from day_1 + 11 d, through day_1 + 55 d"


def test_categories_read_their_components_by_name(tmp_path: Path) -> None:
    found = response("{latest: c3, above: 0.9 g/L}", tmp_path)
    assert [(category.name, category.visit) for category in found.categories] == [
        ("better", "week_4"),
        ("other", "week_4"),
    ]
    assert found.categories[0].when is not None
    assert said(found.categories[0].when).startswith("a: 1 of (nearest")
    assert found.categories[1].when is None


# --- doses and visits -------------------------------------------------------------------------------------------------


def dose(text: str, folder: Path) -> DosePlan:
    return compiled(f"doses: {{A: {{drug: cyclophosphamide, {text}}}}}", folder).program.doses[0]


def test_a_repeated_dose_is_written_out_and_a_rolling_one_is_not(tmp_path: Path) -> None:
    fixed = dose("amount: 500 mg, on: day 3, every: 1 mo, times: 3", tmp_path)
    assert [said(point) for point in fixed.planned] == ["day_1 + 2 d", "day_1 + 2 d + 1 mo", "day_1 + 2 d + 2 mo"]
    assert (fixed.interval, fixed.times) == (None, 0)
    rolling = dose("amount: 500 mg, on: day 3, every: 14 d, times: 6, from: last_dose", tmp_path)
    assert [said(point) for point in rolling.planned] == ["day_1 + 2 d"]
    assert (rolling.interval, rolling.times) == (Duration(14, "d"), 6)


def test_amounts_and_rates_are_in_the_units_of_the_drug(tmp_path: Path) -> None:
    plan = dose("amount: 0.75 g, amount_within: 2.5 %, rate_at_most: 1 g/h, on: [day 3, day 17]", tmp_path)
    assert (plan.amount, plan.unit, plan.amount_within) == (exactly(750), "mg", Fraction(1, 40))
    assert (plan.rate_at_most, plan.rate_unit) == (exactly(1), "g/h")
    assert dose("amount: not_stated, on: [day 3, day 17]", tmp_path).amount is None


def test_a_visit_has_its_window(tmp_path: Path) -> None:
    visits: Mapping[str, VisitPlan] = {visit.name: visit for visit in compiled("", tmp_path).program.visits}
    assert said(visits["week_4"].window) == "from day_1 + 28 d - 7 d, through day_1 + 28 d + 7 d"
    assert visits["baseline"].on is None
    assert visits["baseline"].first_due is not None
    assert said(visits["baseline"].first_due) == "enrolled + 14 d"


def test_therapies_are_selected_by_the_word_they_stand_under(tmp_path: Path) -> None:
    text = """
prohibited: {v: {on_therapy: live_vaccine, given: live_vaccine, from: day_1}}
rescue: {s: {given: mesna, after: day_1}}
"""
    prohibited, rescue = compiled(text, tmp_path).program.therapies
    assert [select.kind for select in prohibited.select] == ["therapy", "administration"]
    assert [said(select) for select in rescue.select] == ["administration closed[drug in mesna; after day_1]"]
    assert (prohibited.role, rescue.role) == ("prohibited", "rescue")


# --- definitions ------------------------------------------------------------------------------------------------------


def test_a_definition_is_written_out_with_what_it_is_given(tmp_path: Path) -> None:
    text = """
definitions:
  low: {needs: {of: {type: measure}, limit: {type: quantity}, since: {type: point, default: screened}},
        means: {latest: $of, from: 7 d before $since, below: $limit}}
  neither: {needs: {a: {type: criterion}, b: {type: criterion}}, means: {not: {any: [$a, $b]}}}
  calm: {means: {low: c3, limit: 1 g/L}}
eligibility: {include: {A: {neither: calm, b: {neither: {sex: male}, b: {sex: other}}}}}
"""
    calm = "latest observation[measure in c3; from screened - 7 d] below 1"
    sex = "latest sex of person[sex in female|male|other or absent=not_met]"
    inner = f"not 1 of ({sex} in male & {sex} in other)"
    assert said(compiled(text, tmp_path).program.criteria[0].expr) == f"not 1 of ({calm} & {inner})"


def test_reasons_of_the_use_and_of_the_definition_are_joined(tmp_path: Path) -> None:
    text = """
sources: {a: A, b: B}
definitions:
  calm: {means: {latest: c3, above: 1 g/L, assumed: a}, assumed: {above: b}, interpreted: c, source: a, verified: no}
eligibility: {include: {A: {met: calm, assumed: d, source: b, text: Calm}}}
"""
    found = compiled(text, tmp_path).program.criteria[0].provenance
    assert found.assumed == ("a", "above: b", "d")
    assert (found.interpreted, found.source, found.text, found.verified) == (("c",), "b", "Calm", False)


def test_a_source_called_alike_in_two_files_stays_two_sources() -> None:
    sources = compile_protocol(load(SKETCH)).program.sources
    assert sources["label"] == "cyclophosphamide prescribing information (general knowledge, verify before release)"
    assert len({text for name, text in sources.items() if name.endswith("loinc")}) > 1


# --- places -----------------------------------------------------------------------------------------------------------


def vars_of(node: object) -> dict[str, object]:
    return {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}  # type: ignore[arg-type]


def unplaced(node: object, path: str) -> Iterator[str]:
    if isinstance(node, tuple | list):
        for index, part in enumerate(node):
            yield from unplaced(part, f"{path}[{index}]")
    elif isinstance(node, Mapping):
        for key, part in node.items():
            yield from unplaced(part, f"{path}.{key}")
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        # An open window stands nowhere: nobody wrote it.
        names = [field.name for field in dataclasses.fields(node)]
        if node != Window() and "place" in names and not vars_of(node)["place"]:
            yield f"{path}: {type(node).__name__}"
        for field in dataclasses.fields(node):
            yield from unplaced(getattr(node, field.name), f"{path}.{field.name}")


@pytest.mark.parametrize("path", [SKETCH, FOUNDING], ids=["sketch", "founding"])
def test_everything_compiled_knows_its_place(path: Path) -> None:
    made = compile_protocol(load(path))
    assert list(unplaced(made.program, "program")) == []
    assert list(unplaced(made.rulebook.rules, "rules")) == []


# --- freezing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SKETCH, FOUNDING], ids=["sketch", "founding"])
def test_a_frozen_protocol_is_the_same_protocol(path: Path, tmp_path: Path) -> None:
    loaded = load(path)
    frozen = tmp_path / "frozen.yaml"
    frozen.write_text(freeze(loaded), encoding="utf-8")
    again = load(frozen)
    assert "use" not in again.node
    assert "definitions" not in again.node
    assert again.digest == loaded.digest
    before, after = compile_protocol(loaded), compile_protocol(again)
    assert before.program == after.program
    assert before.rulebook == after.rulebook
    assert freeze(again) == freeze(loaded)


def shuffled(plain: Plain) -> Plain:
    if isinstance(plain, dict):
        return {key: shuffled(value) for key, value in reversed(plain.items())}
    return [shuffled(value) for value in plain] if isinstance(plain, list) else plain


def test_the_digest_is_of_the_meaning_alone(tmp_path: Path) -> None:
    node, _ = read(SKETCH.read_text(encoding="utf-8"), "sketch")
    assert node is not None
    other = tmp_path / "elsewhere.yaml"
    other.write_text("# another comment\n" + dump(shuffled(node.plain())), encoding="utf-8")
    digest = load(SKETCH).digest
    assert load(other).digest == digest
    assert compile_protocol(load(SKETCH)).program.digest == digest
    other.write_text(SKETCH.read_text(encoding="utf-8").replace("at_least: 50 %", "at_least: 49 %"), encoding="utf-8")
    assert load(other).digest != digest


def test_a_protocol_overrides_what_a_rule_of_a_library_calls_important(tmp_path: Path) -> None:
    text = "use: [rules/deviations]\nalerts: {dosing/late: {important: yes}}"
    file = tmp_path / "protocol.yaml"
    file.write_text(
        SMALL.replace("use: [rules/lupus-nephritis, rules/b-cell-depletion]", "").replace(
            "moments:\n  day_1: {first: rituximab, from: screened}", "moments: {day_1: {first: enrolment}}"
        )
        + text,
        encoding="utf-8",
    )
    rules = {rule.name: rule for rule in compile_protocol(load(file)).rulebook.rules}
    assert rules["dosing/late"].important
    assert rules["dosing/late"].say
    assert rules["dosing/late"].urgency == "log"


# --- the little grammars ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["now", "dose", "screened", "day 1", "day -1", "day +3", "2005-03-31", "14 d before screened", "12 h after dose",
     "2 wk after 1 mo before day 29", "1 y before 2005-03-31"],
)  # fmt: skip
def test_points_are_read(text: str) -> None:
    read_point(text)


@pytest.mark.parametrize(
    "text",
    ["", "day 0", "14d", "14 d", "before screened", "14 d before", "14 d of screened", "2005-3-1", "a b",
     "day 1.5", "-14 d before now", "14 d before day 0", "\u0661 d before now"],
)  # fmt: skip
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_point(text)


@pytest.mark.parametrize(
    ("text", "number", "unit", "end"),
    [
        ("1.5 10*9/L", "3/2", "10*9/L", None),
        ("4", "4", "", None),
        ("-0.5 kg", "-1/2", "kg", None),
        ("50 %", "50", "%", None),
        ("2 x ULN", "2", "", "high"),
        ("1.25 x LLN", "5/4", "", "low"),
        ("1e3 /uL", "1000", "/uL", None),
    ],
)
def test_quantities_are_exact(text: str, number: str, unit: str, end: str | None) -> None:
    quantity = read_quantity(text)
    assert (quantity.number, quantity.unit, quantity.range_end) == (Fraction(number), unit, end)


@pytest.mark.parametrize(
    "text", ["", "five", "5mg", "1,5 mg", "> 5 mg", "ULN", "5 ULN", "1/2 mg", "5 to 6 mg", "\u0663 mg"]
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_quantity(text)


def test_days_written_otherwise_are_understood_well_enough_to_help() -> None:
    assert day_meant("D15") == day_meant("day15") == "write `day 15`"
    assert day_meant("screened") == ""


# --- how far it may grow ---------------------------------------------------------------------------------------------

CHAINS = {
    "definitions": "definitions:\n{0}  A500: {{means: {{sex: male}}}}\neligibility: {{include: {{B: A0}}}}",
    "criteria": "eligibility:\n  include:\n    A500: {{sex: male}}\n{1}",
    "criteria in order": "eligibility:\n  include:\n{1}    A500: {{sex: male}}\n",
    "moments": "moments:\n{2}  A500: {{first: consent}}\n",
}


@pytest.mark.parametrize("kind", CHAINS)
def test_chains_that_nobody_could_follow_are_refused(kind: str, tmp_path: Path) -> None:
    steps = [
        "".join(form.format(number, number + 1) for number in range(500))
        for form in (
            "  A{}: {{means: {{not: A{}}}}}\n",
            "    A{}: {{not: A{}}}\n",
            "  A{}: {{first: enrolment, from: A{}}}\n",
        )
    ]
    base = SMALL.partition("moments:")[0]
    (tmp_path / "protocol.yaml").write_text(base + CHAINS[kind].format(*steps), encoding="utf-8")
    with pytest.raises(ProtocolError) as error:
        compile_protocol(load(tmp_path))
    assert {each.code for each in error.value.diagnostics} == {"too-deep", "no-alerts"}


def test_what_doubles_forty_times_is_refused(tmp_path: Path) -> None:
    doubled = "".join(f"    A{number + 1}: {{any: [A{number}, A{number}]}}\n" for number in range(40))
    with pytest.raises(ProtocolError) as error:
        compiled(f"eligibility:\n  include:\n    A0: {{sex: male}}\n{doubled}", tmp_path)
    assert {each.code for each in error.value.diagnostics} == {"too-many-expansions", "no-alerts"}


# --- what it shares with events ---------------------------------------------------------------------------------------


def test_the_words_of_records_are_those_that_events_are_read_with() -> None:
    assert set(MILESTONES) == set(items.MILESTONES)
    for (kind, key), words in WORDS.items():
        assert words == values._CLOSED[kind, key]


# --- reference and schema ---------------------------------------------------------------------------------------------

HEADINGS = ["## Meaning", "## Example", "## When data are missing", "## On a live stream"]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_is_explained_under_the_four_headings(verb: str) -> None:
    text = VERBS[verb].__doc__ or ""
    assert [line.strip() for line in text.splitlines() if line.strip().startswith("## ")] == HEADINGS


def test_the_reference_in_the_docs_is_the_one_that_the_code_gives() -> None:
    written = (HERE.parent / "docs" / "language.md").read_text(encoding="utf-8")
    assert written.strip() == reference().strip(), "`make docs` writes it anew"


EXAMPLES = re.findall(r"```yaml\n(.*?)```", reference(), flags=re.DOTALL)
MORE = """
responses:
  renal:
    at: week_4
    components: {kidney: {latest: creatinine, at_most: 1 x ULN}}
    categories: [{category: responder, when: kidney}, {category: non_responder, when: otherwise}]
arms: {rituximab: {text: with rituximab}, control: {text: without it}}
measures: {able_to_comply: {values: [yes, no]}, systolic_pressure: {unit: 'mm[Hg]'},
           urine_protein: {unit: mg/dL}, urine_creatinine: {unit: mg/dL}}
concepts: {arthritis: {kind: condition}, serositis: {kind: condition}, oral_ulcers: {kind: condition}}
responses:
  renal:
    at: week_4
    categories: [{category: responder, when: {latest: upcr, below: 0.5 g/g}}, {category: other, when: otherwise}]
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split(":")[0].strip())
def test_the_examples_of_the_reference_are_right(example: str, tmp_path: Path) -> None:
    node, wrong = read(example, "example")
    assert node is not None
    assert wrong == ()
    plain = node.plain()
    assert isinstance(plain, dict)
    if any(key in VERBS for key in plain):
        spoken: dict[str, Plain] = {"gates": {"example": plain}, "eligibility": {"include": {"I1": {"sex": "female"}}}}
    else:
        spoken = plain
    base, _ = read(SMALL + MORE, "base")
    assert base is not None
    whole = base.plain()
    assert isinstance(whole, dict)
    for section, entries in spoken.items():
        old = whole.get(section, {})
        whole[section] = {**old, **entries} if isinstance(old, dict) and isinstance(entries, dict) else entries
    if "course" in plain or "assessments" in plain:
        whole["doses"] = {
            "RTX": {
                "drug": "rituximab",
                "amount": "500 mg",
                "on": ["day 1", "day 15"],
                "first_due": "14 d after enrolled",
            },
            "CYC": {"drug": "cyclophosphamide", "amount": "750 mg", "on": ["day 3", "day 17"]},
        }
    file = tmp_path / "protocol.yaml"
    file.write_text(dump(whole), encoding="utf-8")
    compile_protocol(load(file))


def test_the_schema_takes_the_founding_protocol_and_refuses_what_is_misspelt() -> None:
    made = schema(SKETCH)
    jsonschema.Draft202012Validator.check_schema(made)
    validator = jsonschema.Draft202012Validator(made)
    node, _ = read(SKETCH.read_text(encoding="utf-8"), "sketch")
    assert node is not None
    plain = node.plain()
    assert list(validator.iter_errors(plain)) == []
    text = json.dumps(plain)
    for right, wrong in [
        ('"has": "lupus', '"hass": "lupus'),
        ('"early"', '"erly"'),
        ('"refractory_to"', '"refractory"'),
        ('"otherwise": "hold"', '"otherwise": "stop"'),
        ('"zone"', '"zones"'),
    ]:
        assert right in text
        assert list(validator.iter_errors(json.loads(text.replace(right, wrong)))), wrong


def test_the_schema_explains_each_verb_and_offers_names_and_definitions() -> None:
    plain, own = schema(), schema(SKETCH)
    for verb in VERBS.values():
        assert "## Meaning" in plain["$defs"][verb.__name__]["description"]
    assert "c3" in own["$defs"]["Latest"]["properties"]["latest"]["examples"]
    verbs = [each for each in own["$defs"]["Criterion"]["oneOf"] if "refractory_to" in each.get("properties", {})]
    assert len(verbs) == 1
    assert not [each for each in plain["$defs"]["Criterion"]["oneOf"] if "refractory_to" in each.get("properties", {})]
