"""Protocol to program: names resolved, kinds and units checked, every node of the kernel with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from trialspec.diagnostics import Diagnostic, ProtocolError, did_you_mean, has_errors, in_order
from trialspec.document import Node
from trialspec.kernel import Expr, Moment, Select, Window, parts_of
from trialspec.load import Loaded
from trialspec.model.criteria import Otherwise, expand, provenance
from trialspec.model.protocol import RESERVED_MOMENTS, RESERVED_VISITS
from trialspec.model.response import Beside
from trialspec.model.rulebook import AlertRule
from trialspec.model.scope import ANY_NAME, At, Scope, Setting, Statement, listing
from trialspec.model.verb import Verb
from trialspec.model.vocabulary import SECTIONS
from trialspec.program import Criterion, Derivation, Gate, Program, Provenance, TherapyRule, joined
from trialspec.quantity import Codes
from trialspec.rulebook.table import SUBJECTS, Rulebook
from trialspec.times import Zone
from trialspec.vocabulary import Term, Vocabulary


def measures_in(*parts: object) -> frozenset[str]:
    """Give the measures that are asked for anywhere in some parts of a program."""
    tests = (test for query in parts_of(parts, Select) for test in query.tests if test.field == "measure")
    words = (test.against.value for test in tests if isinstance(test.against.value, Codes))
    return frozenset().union(*(each.words or () for each in words))


def asked_for(derived: Sequence[Derivation], program: Program) -> tuple[Derivation, ...]:
    """Keep the derived measures that a program asks for: what nobody asks for is not made."""
    if not derived:
        return ()
    parts = [getattr(program, field.name) for field in fields(program)]
    wanted = {
        *measures_in(*parts),
        *(name for plan in program.assessments for name in plan.measures),
        *(name for response in program.responses for name in response.report_only),
    }
    kept: list[Derivation] = []
    for each in reversed(derived):
        if each.measure in wanted:
            kept.append(each)
            wanted |= measures_in(each)
    return tuple(reversed(kept))


def _reasoned(program: Program) -> Program:
    """Let what rests on a derived measure say what that measure assumes."""
    by_name = {each.measure: each for each in program.derived}
    if not by_name:
        return program

    def with_reasons(own: Provenance, expr: Expr) -> Provenance:
        waiting, seen = sorted(measures_in(expr)), set[str]()
        while waiting:
            name = waiting.pop(0)
            if name in by_name and name not in seen:
                seen.add(name)
                waiting += sorted(measures_in(by_name[name]))
        return joined(own, *(by_name[name].provenance for name in sorted(seen)))

    return replace(
        program,
        criteria=tuple(replace(each, provenance=with_reasons(each.provenance, each.expr)) for each in program.criteria),
        gates={
            name: replace(each, provenance=with_reasons(each.provenance, each.expr))
            for name, each in program.gates.items()
        },
        responses=tuple(
            replace(
                response,
                components=tuple(
                    replace(each, provenance=with_reasons(each.provenance, each.expr)) for each in response.components
                ),
            )
            for response in program.responses
        ),
    )


# What the contract itself says of two moments; a protocol may state them otherwise.
_GIVEN_MOMENTS: Mapping[str, tuple[Literal["first", "last"], str, str]] = {
    "enrolled": ("first", "enrolment", ""),
    "screened": ("last", "screening", "enrolled"),
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A program, the rules for its findings, and what is worth a second look in the files."""

    program: Program
    rulebook: Rulebook
    warnings: tuple[Diagnostic, ...] = ()


def compile_protocol(loaded: Loaded) -> Compiled:
    """Make a program of a protocol, or raise with everything that is wrong with it."""
    unit = _Unit(loaded)
    program, rulebook = unit.program(), unit.rulebook()
    diagnostics = in_order([*loaded.diagnostics, *unit.scope.found])
    if has_errors(diagnostics):
        raise ProtocolError(diagnostics)
    return Compiled(program, rulebook, in_order([*diagnostics, *loaded.unused]))


@dataclass(slots=True)
class _Unit:
    """One compilation."""

    loaded: Loaded
    scope: Scope = field(init=False)
    top: At = field(init=False)
    beside: dict[str, Beside] = field(default_factory=dict)

    def __post_init__(self) -> None:
        model = self.loaded.model
        self.scope = Scope(
            Vocabulary({}),
            {str(kind): word for kind, word in model.silence_means_no.items()},
            {},
            therapies=frozenset({*model.prohibited, *model.rescue}),
            planned=frozenset(model.visits),
            arms=frozenset(model.arms),
            broken=self.loaded.broken,
        )
        self.top = At(self.loaded.node, self.scope)
        self.sources(self.loaded.node)
        self.scope.vocabulary = self.vocabulary()
        self.scope.silence_at = {kind: self.top["silence_means_no"][kind] for kind in self.scope.silence}
        self.scope.moments = self.moments()

    def sources(self, node: Node) -> None:
        """Check that every source is listed."""
        listed = self.loaded.model.sources
        if ANY_NAME in self.loaded.broken:
            return
        for member in node.members() if node.kind == "list" else ():
            self.sources(member)
        for key, value in node.items() if node.kind == "mapping" else ():
            if key == "source" and value.kind == "text" and value.text not in listed:
                advice = did_you_mean(value.text, listed) or "add it to `sources` with its full reference"
                message = f"`{value.text}` is not among the `sources`"
                self.scope.found.append(Diagnostic("unknown-source", message, value.place, value.related(), advice))
            elif key != "sources":
                self.sources(value)

    # --- names --------------------------------------------------------------------------------------------------------

    def vocabulary(self) -> Vocabulary:
        """Give all the terms, checking what they are kinds of."""
        terms: dict[str, Term] = {}
        for section in SECTIONS:
            for name, entry in getattr(self.loaded.model, section).items():
                at = self.top[section][name]
                terms[name] = entry.term(name, at)
        for name, drug in self.loaded.model.drugs.items():
            if drug.equivalents:
                equal = drug.equal(terms[name], self.top["drugs"][name], Vocabulary(terms))
                terms[name] = replace(terms[name], equivalents=equal)
        vocabulary = Vocabulary(terms)
        for section in SECTIONS:
            for name, entry in getattr(self.loaded.model, section).items():
                for index, parent in enumerate(entry.is_a):
                    at = self.top[section][name]["is_a"]
                    self.kind_of(terms[name], parent, at[index] if at.node.kind == "list" else at, vocabulary)
        return vocabulary

    def kind_of(self, term: Term, parent: str, at: At, vocabulary: Vocabulary) -> None:
        """Check that one term may be a kind of another."""
        above = vocabulary.get(parent)
        if above is None:
            at.unknown("name", parent, vocabulary.terms)
            return
        drugs = {"drug", "drug_class"}
        fits = above.sort == term.sort or (term.sort in drugs and above.sort in drugs)
        if not fits:
            message = f"`{term.name}` is a {term.sort}, `{parent}` a {above.sort}".replace("_", " ")
            at.report("wrong-kind", message, "name one of the same sort, or leave it out")
        if term.name in vocabulary.under(parent) and parent in vocabulary.under(term.name):
            message = f"`{term.name}` and `{parent}` are kinds of each other"
            at.report("definition-cycle", message, "keep the one of the two that is true")

    def moments(self) -> dict[str, Any]:
        """Give what makes each moment, when it is asked for."""
        made: dict[str, Any] = {}
        for name, part in self.loaded.model.moments.items():
            at = self.top["moments"][name].within(Setting(dose=True))
            if name in RESERVED_MOMENTS:
                at.report("bad-name", f"`{name}` is a word of its own", "choose another name")
            made[name] = lambda part=part, name=name, at=at: part.moment(name, at)
        for name in _GIVEN_MOMENTS:
            if name not in made and name not in self.scope.broken:
                made[name] = lambda name=name: self.given_moment(name)
        return made

    def given_moment(self, name: str) -> Moment:
        """Give a moment that the contract itself defines."""
        which, milestone, end = _GIVEN_MOMENTS[name]
        window = Window(end=self.top.moment(end) if end else None, place=self.top.place)
        select = self.top.select("milestone", [self.top.among("milestone", [milestone])], window, milestone)
        return Moment(name, which, select, self.top.place)

    # --- the program --------------------------------------------------------------------------------------------------

    def program(self) -> Program:
        """Give the program; with reports in the scope it is not to be run."""
        model, scope, top = self.loaded.model, self.scope, self.top
        dosing = top.within(Setting(dose=True))
        moments = {name: dosing["moments"][name].moment(name) for name in self.scope.moments}
        history = {kind: scope.history(kind) for kind in model.silence_means_no}
        derived = self.derived()
        self.statements()
        for name, visit in model.visits.items():
            if name in RESERVED_VISITS:
                top["visits"][name].report("bad-name", f"`{name}` is a word of its own", "choose another name")
            scope.visits[name] = visit.plan(name, top["visits"][name])
        for name, response in model.responses.items():
            self.beside[name] = scope.responses[name] = response.beside(top["responses"][name])
        for name, visit in model.visits.items():
            # What says for whom there is one visit may speak of the values at another, or of a response.
            scope.visits[name] = visit.conditional(scope.visits[name], top["visits"][name])
        stopped = frozenset(model.course.of) if model.course else frozenset()
        gates = {name: self.gate(name, part) for name, part in model.gates.items()}
        doses = {
            name: part.plan(name, top["doses"][name], frozenset(gates), stopped) for name, part in model.doses.items()
        }
        program = Program(
            model.protocol,
            model.title,
            model.version,
            self.loaded.digest,
            Zone(model.zone),
            {name: Zone(site.zone) for name, site in model.sites.items()},
            scope.vocabulary,
            {kind: taken for kind, taken in history.items() if taken is not None},
            moments,
            self.criteria(),
            gates,
            tuple(doses.values()),
            None if model.course is None else model.course.plan(top["course"], doses),
            tuple(scope.visits.values()),
            tuple(
                part.plan(name, top["assessments"][name], frozenset(doses)) for name, part in model.assessments.items()
            ),
            tuple(part.plan(name, top["responses"][name], self.beside[name]) for name, part in model.responses.items()),
            self.therapies(),
            model.report_within,
            dict(model.sources),
            model.not_stated,
            arms=tuple(model.arms),
            place=self.top.place,
            times=tuple(part.plan(name, top["time_to"][name]) for name, part in model.time_to.items()),
            properties=tuple(part.plan(name, top["properties"][name]) for name, part in model.properties.items()),
            accepted=tuple(part.plan(top["accepted"][index]) for index, part in enumerate(model.accepted)),
        )
        return _reasoned(replace(program, derived=asked_for(derived, program)))

    def derived(self) -> tuple[Derivation, ...]:
        """Give what makes each derived measure: one that rests on another comes after it."""
        found: dict[str, Derivation] = {}
        for name, entry in self.loaded.model.measures.items():
            if entry.derived is not None:
                at = self.top["measures"][name]["derived"]
                found[name] = entry.derived.derivation(self.scope.vocabulary.terms[name], at)
        ordered: dict[str, Derivation] = {}

        def follow(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                chain = " -> ".join(f"`{step}`" for step in (*path[path.index(name) :], name))
                advice = "let one of them be recorded, or be made of others"
                at = self.top["measures"][name]["derived"]
                at.report("definition-cycle", f"`{name}` rests on itself: {chain}", advice)
            elif name in found and name not in ordered:
                for other in sorted(measures_in(found[name])):
                    follow(other, (*path, name))
                ordered[name] = found[name]

        for name in found:
            follow(name, ())
        return tuple(ordered.values())

    def statements(self) -> None:
        """Collect what may be referred to by name: criteria and gates."""
        model, scope = self.loaded.model, self.scope
        eligibility = self.top["eligibility"]
        for role, parts in (("include", model.eligibility.include), ("exclude", model.eligibility.exclude)):
            for name, part in parts.items():
                self.stated(name, Statement(part, eligibility[role][name], "criterion"))
        for name, part in model.gates.items():
            self.stated(name, Statement(part, self.top["gates"][name].within(Setting(dose=True)), "gate"))
        for response, named in model.responses.items():
            for name in named.components:
                if name in scope.statements:
                    here = self.top["responses"][response]["components"][name]
                    self.twice(name, here, scope.statements[name])

    def stated(self, name: str, statement: Statement) -> None:
        """Enter a name, which stands for one thing only."""
        if name in self.scope.statements:
            self.twice(name, statement.at, self.scope.statements[name])
        else:
            self.scope.statements[name] = statement

    def twice(self, name: str, at: At, first: Statement) -> None:
        """Report a name that stands for two statements."""
        at.report(
            "duplicate-name",
            f"`{name}` stands for two things",
            "rename one",
            (first.at.place, f"a {first.kind} already"),
        )

    def criteria(self) -> tuple[Criterion, ...]:
        """Give the criteria of eligibility."""
        found: list[Criterion] = []
        eligibility = self.loaded.model.eligibility
        roles: tuple[tuple[Literal["include", "exclude"], Mapping[str, Verb | str]], ...] = (
            ("include", eligibility.include),
            ("exclude", eligibility.exclude),
        )
        for role, parts in roles:
            for name, part in parts.items():
                at = self.top["eligibility"][role][name]
                found.append(Criterion(name, role, expand(part, at), provenance(part, at), at.place))
        return tuple(found)

    def gate(self, name: str, part: Verb | str) -> Gate:
        """Give a gate."""
        at = self.top["gates"][name].within(Setting(dose=True))
        otherwise: Otherwise = getattr(part, "otherwise", "hold")
        return Gate(name, expand(part, at), otherwise, provenance(part, at), at.place)

    def therapies(self) -> tuple[TherapyRule, ...]:
        """Give what is prohibited, and what counts as rescue."""
        model = self.loaded.model
        prohibited = [
            part.plan(name, "prohibited", self.top["prohibited"][name]) for name, part in model.prohibited.items()
        ]
        rescue = [part.plan(name, "rescue", self.top["rescue"][name]) for name, part in model.rescue.items()]
        return (*prohibited, *rescue)

    # --- the rulebook -------------------------------------------------------------------------------------------------

    def rulebook(self) -> Rulebook:
        """Give the rules from findings to alerts."""
        alerts = self.loaded.model.alerts
        if not alerts and ANY_NAME not in self.loaded.broken:
            advice = "name `rules/deviations` under `use`, unless that is meant"
            self.top["protocol"].report(
                "no-alerts", "no alert rule is in use: nothing is raised", advice, severity="warning"
            )
        rules = []
        for name, alert in alerts.items():
            at = self.top["alerts"][name]
            if isinstance(alert, AlertRule):
                rules.append(alert.rule(name, at))
                self.categories(name, alert, at)
            else:
                named = [other for other, rule in alerts.items() if isinstance(rule, AlertRule)]
                at.unknown("alert rule", name, named, "name the library that has it under `use`")
        return Rulebook(tuple(rules))

    def categories(self, name: str, alert: AlertRule, at: At) -> None:
        """Check that a rule of the protocol's own asks for categories that its responses have."""
        if name not in self.loaded.own_rules or alert.for_each != "category":
            return
        categories = {
            part.category for response in self.loaded.model.responses.values() for part in response.categories
        }
        possible = {*categories, *SUBJECTS["category"]["category"].values}
        asked = [(alert.when, at["when"]), *((one, at["any"][index]) for index, one in enumerate(alert.any))]
        for conditions, here in asked:
            for index, word in enumerate(conditions.get("category", ())):
                if word not in possible:
                    here["category"][index].unknown("category", word, possible, f"it can be {listing(possible)}")
