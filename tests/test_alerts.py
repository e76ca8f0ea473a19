"""Episodes and their journal, over findings that are written down instead of read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from trialspec.alerts import START, Change, Context, Note, State, beside, changes, fold, state
from trialspec.findings import Group
from trialspec.findings.finding import Finding
from trialspec.findings.found import Found
from trialspec.interpreters.reading import Question
from trialspec.patient import Item, Timeline
from trialspec.quantity import word
from trialspec.rulebook import Condition, Rule, Rulebook
from trialspec.rulebook.plain import matching
from trialspec.rulebook.table import Lasts
from trialspec.times import Zone, at_instant

ZONE = Zone("UTC")
FIRST = 1_400_000_000


def rule(name: str, lasts: Lasts, *states: str) -> Rule:
    return Rule(
        name, "dose", (Condition("state", frozenset(states)),), "soon", important=True, lasts=lasts, say="{dose}"
    )


RULES = (
    rule("overdue", "while_true", "overdue"),
    rule("given", "for_ever", "given"),
    rule("open", "while_true", "due", "overdue"),
)


@dataclass(frozen=True)
class Plain:
    rulebook: Rulebook

    def matching(self, subject: str, message: Mapping[str, str | frozenset[str]]) -> tuple[str, ...]:
        return matching(self.rulebook, subject, message)


CONTEXT = Context("demo", "digest", {each.name: each for each in RULES}, Plain(Rulebook(RULES)))


def event(name: str, at: int) -> Item:
    when = at_instant(at, ZONE)
    return Item(name, "milestone", when, when, {"milestone": word("visit")})


def script(*steps: tuple[int, str, frozenset[str]]) -> Group:
    """Make a group that says each state from its instant on; before the first it says `not_due`."""

    def group(question: Question) -> Found:
        said, cites, until = "not_due", frozenset[str](), steps[0][0] if steps else None
        for index, (since, words, because) in enumerate(steps):
            if question.at >= since:
                said, cites = words, because
                until = steps[index + 1][0] if index + 1 < len(steps) else None
        finding = Finding("dose", "RTX#1", {"state": said}, until, because=cites)
        return Found((finding,), until)

    return Group("doses", group)


def run(
    timeline: Timeline, at: int, *steps: tuple[int, str, frozenset[str]]
) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    found = state(CONTEXT, [script(*steps)], Question(timeline, at))
    return {(key.rule, key.opening): (episode.opened, episode.closed) for key, episode in found.items()}


TIMELINE = Timeline("p1", ZONE, (event("e1", FIRST), event("e2", FIRST + 100)))
NONE: frozenset[str] = frozenset()


def test_an_episode_is_a_longest_stretch_and_carries_both_instants() -> None:
    found = run(
        TIMELINE, FIRST + 90, (FIRST + 10, "due", NONE), (FIRST + 20, "overdue", NONE), (FIRST + 50, "missed", NONE)
    )
    assert found == {("open", "RTX#1"): (FIRST + 10, FIRST + 50), ("overdue", "RTX#1"): (FIRST + 20, FIRST + 50)}


def test_what_happened_does_not_close() -> None:
    found = run(TIMELINE, FIRST + 200, (FIRST + 100, "given", frozenset({"e2"})), (FIRST + 150, "not_due", NONE))
    assert found == {("given", "e2"): (FIRST + 100, None)}


def test_the_event_that_came_into_sight_names_the_opening() -> None:
    assert ("open", "e2") in run(TIMELINE, FIRST + 200, (FIRST + 100, "due", frozenset({"e1", "e2"})))


def test_a_value_that_lapsed_names_the_opening_and_the_slot_where_none_did() -> None:
    steps = (FIRST + 10, "held", frozenset({"e1"})), (FIRST + 50, "overdue", NONE)
    assert ("overdue", "e1") in run(TIMELINE, FIRST + 200, *steps)
    assert ("overdue", "RTX#1") in run(TIMELINE, FIRST + 200, (FIRST + 50, "overdue", NONE))


def test_a_rule_that_held_since_ever_opens_at_the_start() -> None:
    assert run(TIMELINE, FIRST + 5, (0, "overdue", NONE))[("overdue", START)] == (None, None)


def test_a_second_opening_by_the_same_name_is_told_apart_by_what_closed_the_first() -> None:
    steps = (FIRST + 10, "overdue", NONE), (FIRST + 100, "held", NONE), (FIRST + 150, "overdue", NONE)
    found = run(TIMELINE, FIRST + 200, *steps)
    assert found[("overdue", "RTX#1")] == (FIRST + 10, FIRST + 100)
    assert found[("overdue", "RTX#1+e2")] == (FIRST + 150, None)


STATES = st.sampled_from(["not_due", "due", "overdue", "given", "missed"])
SCRIPTS = st.lists(st.tuples(st.integers(1, 120), STATES, st.sets(st.sampled_from(["e1", "e2"]))), max_size=6).map(
    lambda steps: tuple(
        (FIRST + at, words, frozenset(cites))
        for at, words, cites in sorted({s[0]: s for s in steps}.values(), key=lambda s: s[0])
    ),
)


@given(st.lists(SCRIPTS, min_size=1, max_size=4), st.data())
def test_the_journal_folds_to_the_state_however_often_it_was_looked_at(
    scripts: list[tuple[tuple[int, str, frozenset[str]], ...]], data: st.DataObject
) -> None:
    """Law 1 for journals: any way to a state, through other knowledge and any number of looks, folds to that state."""
    before: State = {}
    journal: list[Change] = []
    for steps in scripts:
        at = FIRST + data.draw(st.integers(0, 150))
        after = state(CONTEXT, [script(*steps)], Question(TIMELINE, at))
        journal += changes(before, after, at)
        before = after
    folded = fold(journal)
    assert {key: (each.opened, each.closed, each.evidence) for key, each in folded.items()} == {
        key: (each.opened, each.closed, each.evidence) for key, each in before.items()
    }


def test_what_was_over_when_first_seen_is_raised_and_resolved_at_once() -> None:
    after = state(
        CONTEXT, [script((FIRST + 10, "overdue", NONE), (FIRST + 20, "missed", NONE))], Question(TIMELINE, FIRST + 90)
    )
    told = [
        (each.what, each.happened, each.known)
        for each in changes({}, after, FIRST + 90)
        if each.episode.key.rule == "overdue"
    ]
    assert told == [("raised", FIRST + 10, FIRST + 90), ("resolved", FIRST + 20, FIRST + 90)]
    withdrawn = changes(after, {}, FIRST + 95)
    assert {each.what for each in withdrawn} == {"withdrawn"}


def test_notes_stay_with_their_alert_in_the_order_of_their_time() -> None:
    notes = [Note("k", "overridden", "b", "2014-03-02", "why"), Note("k", "acknowledged", "a", "2014-03-01")]
    assert [note.kind for note in beside(notes)["k"]] == ["acknowledged", "overridden"]
