"""What crashes durable-rules, hangs it or makes it answer wrongly is refused or cannot be reached; one test each.

Measured of version 2.0.28 on its own; here, how the decision table keeps clear of each.

H1   a false condition of a join reads beyond its end       one pattern a rule, no reference to a message; a guard
H2   1,024 sessions of a ruleset, then a crash              one session
H3   a retraction loses other matches                       one fact at a time, drained, then gone
H4   names are told apart by a hash of 32 bits              hashes of all names are compared; one id
H5   `none` fires when it must not                          not in the table
H6   an *or* loses matches, or fires for each branch        alternatives are rules of their own; a rule is named once
H7   a comparison with an absent property is made up        fields are compared with words of the rule alone
H8   an absent property of a join breaks the session        no joins; an absent field is an absent property
H9   deleting a session frees what is in use                nothing is deleted
H10  too many conditions: refused, endless, or a crash      60 rules in a ruleset, 250 properties in a message
H11  division by zero, *not there* alone, slow actions      not in the table; the subject comes first; no actions
3.2  numbers, null, texts, escapes, Unicode                 words alone, as they are written in JSON
3.3  events are consumed; batches; leftovers; threads       facts, one by one; a fault is raised; a lock
8.5  untrusted sizes hang or crash the process              a new rulebook is rehearsed in a process of its own
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.rulebook.tables import ALIKE, rule, some_message, some_rulebook, some_vocabulary
from trialspec.rulebook import SUBJECTS, Condition, Decider, Field, Message, Rule, Rulebook, plain, rete
from trialspec.rulebook.rete import Engine, Ruleset
from trialspec.rulebook.session import EngineFault, Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.skipif(bool(rete.unavailable()), reason=rete.unavailable() or "the engine is there")

# Pairs of one FNV-1a hash (32 bits), the second found by calculation.
SAME_HASH = (("state", "flhpaxyo"), ("verdict", "docqackg"))
SAME_HASH_MEMBERS = ("late", "sbtfbudz")  # as `departure:late` and `departure:sbtfbudz`
HASH_OF = {"$and": "xoyqabmt", "sid": "uydjakyq"}

GIVEN: Message = {"state": "given", "departure": frozenset({"late"})}
SMALL = Rulebook(
    (
        rule("given", "dose", {"state": "given"}),
        rule("late", "dose", {"state": "given", "departure": "late"}),
        rule("either", "dose", {"state": "given"}, {"departure": "late"}, {"departure": "early late"}),
        rule("always", "dose", {}),
        rule("missed", "dose", {"state": "missed"}),
    )
)


class Spy:
    """The C module, noting each call; only the four that flat mode needs are let through."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the C module
        allowed = (
            *("create_ruleset", "assert_fact", "retract_fact"),
            *("start_action_for_state", "complete_and_start_action"),
        )
        assert name in allowed, f"{name} is never called"

        def call(*arguments: Any) -> Any:  # noqa: ANN401 - as the C module
            self.calls.append((name, arguments))
            return getattr(rete._engine, name)(*arguments)

        return call

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def spied(rulebook: Rulebook) -> tuple[Spy, list[Session]]:
    """Load the rulesets about doses for a spy to watch."""
    spy = Spy()
    return spy, [Session(spy, ruleset.definition()) for ruleset in rete.rulesets(rulebook, "dose")]


def text(message: Message) -> str:
    return rete._json(rete._flat("dose", message))


def definitions() -> Iterator[dict[str, Any]]:
    """Give the definitions of many generated rulebooks, as the engine gets them."""
    for seed in range(60):
        random = Random(seed)
        rulebook = some_rulebook(random, SUBJECTS if seed % 2 else some_vocabulary(random))
        for subject in rulebook.subjects:
            for ruleset in rete.rulesets(rulebook, subject):
                yield json.loads(ruleset.definition())


def patterns() -> Iterator[tuple[str, Any]]:
    """Give the short name and the only pattern of every rule of those, the guard aside."""
    for definition in definitions():
        for short, written in definition.items():
            if short != "zz_guard":
                yield short, written["all"][0]["m"]


def terms() -> Iterator[dict[str, Any]]:
    """Give every single condition of those."""
    for _, pattern in patterns():
        yield from pattern.get("$and", [pattern])


def made(subjects: Mapping[str, Mapping[str, Field]], *rules: Rule) -> Rulebook:
    return Rulebook(rules, subjects)


def asking(name: str, *words: str) -> Rule:
    """A rule that `f` is one of some words, blanks and all."""
    when = tuple(Condition("f", frozenset({word})) for word in words)
    return Rule(name, "s", when, "now", important=True, lasts="for_ever", say="")


def refused(rulebook: Rulebook) -> str:
    with pytest.raises(EngineFault) as fault:
        Engine(rulebook)
    return str(fault.value)


# ---------------------------------------------------------------------------------------------------------------------
# H1 to H9


def test_h1_a_rule_has_one_pattern_and_no_condition_refers_to_another_message() -> None:
    seen = 0
    for definition in definitions():
        for written in definition.values():
            assert set(written) == {"all"}
            assert [set(pattern) for pattern in written["all"]] == [{"m"}]
            seen += 1
    assert seen > 1000
    for term in terms():
        assert len(term) == 1
        assert all(type(value) is str or value is True for value in term.values())


def test_h1_the_guard_is_the_last_rule_of_every_ruleset_and_never_fires() -> None:
    for definition in definitions():
        assert list(definition)[-1] == "zz_guard"
        assert len(definition) > 1
    # No message can have its properties: they are reserved.
    assert "__g1" in refused(made({"s": {"__g1": Field(frozenset({"a"}))}}, rule("r", "s", {"__g1": "a"})))


def test_h2_there_is_one_session_whatever_the_number_of_messages() -> None:
    spy, sessions = spied(SMALL)
    for number in range(1100):  # 1,024 is where it would end
        state = "given" if number % 2 else "missed"
        assert sessions[0].fired(text({"state": state}))
    assert {json.loads(sent[1])["sid"] for name, sent in spy.calls if name == "assert_fact"} == {"0"}
    assert spy.names().count("create_ruleset") == 1


def test_h3_one_fact_is_there_at_a_time_and_it_is_drained_before_it_goes() -> None:
    spy, sessions = spied(SMALL)
    for message in (GIVEN, {"state": "missed"}, GIVEN):
        sessions[0].fired(text(message))
    cycle = ["assert_fact", "start_action_for_state", "complete_and_start_action", "retract_fact"]
    calls = spy.names()[1:]
    assert "".join(str(cycle.index(name)) for name in calls).replace("22", "2").replace("22", "2") == "0123" * 3
    state = rete._engine.assert_fact(sessions[0]._handle, text(GIVEN))
    assert state[0] == 0
    assert len(json.loads(rete._engine.get_facts(sessions[0]._handle, "0"))) >= 1
    rete._engine.retract_fact(sessions[0]._handle, '{"sid":"0","id":"e"}')


@pytest.mark.parametrize(("one", "other"), SAME_HASH)
def test_h4_two_fields_of_one_hash_are_refused(one: str, other: str) -> None:
    assert rete.hashed(one) == rete.hashed(other)
    words = Field(frozenset({"a"}))
    fault = refused(made({"s": {one: words, other: words}}, rule("r", "s", {one: "a"})))
    assert fault == f"the engine could not tell `{other}` of s from `{one}`"


def test_h4_two_members_of_one_hash_are_refused() -> None:
    one, other = (f"departure:{member}" for member in SAME_HASH_MEMBERS)
    assert rete.hashed(one) == rete.hashed(other)
    book = made(
        {"s": {"departure": Field(frozenset(SAME_HASH_MEMBERS), many=True)}}, rule("r", "s", {"departure": "late"})
    )
    assert refused(book) == f"the engine could not tell `{other}` of s from `{one}`"


@pytest.mark.parametrize("reserved", HASH_OF)
def test_h4_a_name_with_the_hash_of_a_word_of_the_engine_is_refused(reserved: str) -> None:
    name = HASH_OF[reserved]
    assert rete.hashed(name) == rete.hashed(reserved)
    fault = refused(made({"s": {name: Field(frozenset({"a"}))}}, rule("r", "s", {name: "a"})))
    assert fault == f"the engine could not tell `{name}` of s from `{reserved}`"


def test_h4_two_fields_of_one_hash_would_be_mixed_up() -> None:
    """Why it is refused: the engine finds one field's word in the other."""
    one, other = SAME_HASH[0]
    definition = json.dumps({"r0001": {"all": [{"m": {one: "a"}}]}})
    assert Session(rete._engine, definition).fired(f'{{"sid":"0","id":"e","{other}":"a"}}') == ["r0001"]


def test_h4_the_names_of_trialspec_are_told_apart() -> None:
    for subject in SUBJECTS:
        rete.rulesets(Rulebook(()), subject)


def test_h5_h6_there_is_no_none_and_no_or() -> None:
    for _, pattern in patterns():
        assert "$or" not in json.dumps(pattern)
        assert set(pattern) == {"$and"} or set(pattern) == {"subject"}


def test_h6_a_rule_is_named_once_however_many_alternatives_hold() -> None:
    assert Engine(SMALL).matching("dose", GIVEN) == ("given", "late", "either", "always")


def test_h6_the_same_case_of_two_alternatives_is_written_once() -> None:
    twice = rule(
        "r", "dose", {"state": "given"}, {"departure": "late"}, {"departure": "late early"}, {"departure": "late"}
    )
    (ruleset,) = rete.rulesets(Rulebook((twice,)), "dose")
    assert len(ruleset.conjunctions) == 2


def test_h6_a_case_that_asks_one_field_for_two_words_is_left_out() -> None:
    never = rule("never", "dose", {"state": "given"}, {"state": "missed"})
    members = rule("members", "dose", {"departure": "late"}, {"departure": "early"})
    (ruleset,) = rete.rulesets(Rulebook((never, members)), "dose")
    assert list(ruleset.rules.values()) == ["members"]
    assert Engine(Rulebook((never, members))).matching("dose", {"departure": frozenset({"late", "early"})}) == (
        "members",
    )


def test_h7_a_field_is_compared_with_words_of_the_rule_alone() -> None:
    # A word that would refer to the message is a word: `$m` is equal to itself.
    book = made({"s": {"f": Field(frozenset({"$m", "a"})), "g": Field(frozenset({"a"}))}}, rule("r", "s", {"f": "$m"}))
    assert Engine(book).matching("s", {"f": "$m"}) == ("r",)
    assert Engine(book).matching("s", {"f": "a", "g": "a"}) == ()


def test_h8_absent_fields_satisfy_nothing_and_break_nothing() -> None:
    engine = Engine(SMALL)
    for _ in range(50):
        assert engine.matching("dose", {}) == ("always",)
        assert engine.matching("dose", {"departure": frozenset({"late"})}) == ("always",)
        assert engine.matching("dose", GIVEN) == ("given", "late", "either", "always")


def test_h9_and_batches_nothing_is_deleted_posted_or_sent_in_batches() -> None:
    """The spy lets only creating, asserting, draining and retracting pass."""
    spy, sessions = spied(SMALL)
    for message in (GIVEN, {}, {"state": "missed"}):
        sessions[0].fired(text(message))
    assert len(set(spy.names())) == 5


# ---------------------------------------------------------------------------------------------------------------------
# H10: sizes


def one_field(count: int) -> Mapping[str, Mapping[str, Field]]:
    return {"s": {"f": Field(frozenset(f"w{n}" for n in range(count)))}}


def test_h10_65_rules_that_hold_at_once_are_split() -> None:
    members = frozenset(f"w{n}" for n in range(65))
    rules = [rule(f"r{n}", "s", {"f": f"w{n}"}) for n in range(65)]
    book = made({"s": {"f": Field(members, many=True)}}, *rules)
    assert [len(ruleset.conjunctions) for ruleset in rete.rulesets(book, "s")] == [60, 5]
    assert Engine(book).matching("s", {"f": members}) == tuple(r.name for r in rules)


def test_h10_65_rules_that_hold_at_once_would_lose_every_alert_in_one_ruleset() -> None:
    """Why they are split: the message is refused for every rule."""
    rules = {f"r{n}": {"all": [{"m": {"$and": [{"subject": "s"}, {f"p{n}": True}]}}]} for n in range(65)}
    session = Session(rete._engine, json.dumps(rules))
    with pytest.raises(EngineFault, match="303"):
        session.fired(json.dumps({"sid": "0", "id": "e", "subject": "s", **{f"p{n}": True for n in range(65)}}))


def test_h10_512_different_conditions_on_one_field_are_split() -> None:
    rules = [rule(f"r{n}", "s", {"f": f"w{n}"}) for n in range(512)]
    engine = Engine(made(one_field(512), *rules))
    for n in (0, 59, 60, 255, 510, 511):
        assert engine.matching("s", {"f": f"w{n}"}) == (f"r{n}",)


def test_h10_512_words_in_one_rule_are_split() -> None:
    words = " ".join(f"w{n}" for n in range(512))
    engine = Engine(made(one_field(513), rule("r", "s", {"f": words})))
    assert engine.matching("s", {"f": "w511"}) == ("r",)
    assert engine.matching("s", {"f": "w512"}) == ()


def test_h10_256_rules_with_one_condition_are_split() -> None:
    rules = [rule(f"r{n}", "s", {"f": "w0"}) for n in range(257)]
    assert Engine(made(one_field(1), *rules)).matching("s", {"f": "w0"}) == tuple(r.name for r in rules)


def test_h10_a_ruleset_of_more_rules_than_it_bears_is_refused() -> None:
    same = (("subject", "s"), ("f", "a"))
    many = {f"r{n:04}": same for n in range(61)}
    with pytest.raises(EngineFault, match="more than 60 rules"):
        rete._check_ruleset("s", Ruleset(many, dict.fromkeys(many, "r")))


def test_h10_a_rule_of_very_many_cases_is_refused() -> None:
    words = " ".join(f"w{n}" for n in range(1001))
    assert refused(made(one_field(1001), rule("r", "s", {"f": words}))) == (
        "`r` stands for more than 1000 single cases: it must be several rules"
    )


def test_h10_a_message_with_too_many_properties_is_refused() -> None:
    fields = {f"f{n}": Field(frozenset({"a"})) for n in range(251)}
    assert "more than 250 properties" in refused(made({"s": fields}, rule("r", "s", {"f0": "a"})))


def test_h10_the_members_of_sets_count_as_properties() -> None:
    fields = {"f": Field(frozenset(f"w{n}" for n in range(250)), many=True)}
    assert "more than 250 properties" in refused(made({"s": fields}, rule("r", "s", {"f": "w0"})))


def test_h10_a_message_with_as_many_properties_as_are_allowed_is_taken() -> None:
    fields = {f"f{n}": Field(frozenset({"a"})) for n in range(249)}
    engine = Engine(made({"s": fields}, rule("r", "s", {"f0": "a", "f248": "a"})))
    assert engine.matching("s", dict.fromkeys(fields, "a")) == ("r",)


def test_h10_a_rule_has_one_pattern_so_there_are_never_17_and_no_joins() -> None:
    long = rule("r", "s", {f"f{n}": "a" for n in range(100)})
    fields = {f"f{n}": Field(frozenset({"a"})) for n in range(100)}
    engine = Engine(made({"s": fields}, long))
    assert engine.matching("s", dict.fromkeys(fields, "a")) == ("r",)
    assert engine.matching("s", dict.fromkeys(list(fields)[:99], "a")) == ()


# ---------------------------------------------------------------------------------------------------------------------
# H11 and 3.2: what a condition and a value can be


def test_h11_every_rule_asks_for_its_subject_first_so_none_is_only_a_negation() -> None:
    for _, pattern in patterns():
        first = pattern["$and"][0] if "$and" in pattern else pattern
        assert list(first) == ["subject"]
    with pytest.raises(EngineFault, match="begin with its subject"):
        rete._check_ruleset("s", Ruleset({"r0001": (("f", "a"),)}, {"r0001": "r"}))


def test_h11_there_is_no_operator_at_all() -> None:
    """So no division, no negation, no order of texts, no regular expression, no array and no arithmetic."""
    for term in terms():
        (name,) = term
        assert not name.startswith("$")


def test_h11_there_are_no_actions_to_be_slow_or_to_fail() -> None:
    for definition in definitions():
        assert "run" not in json.dumps([list(written) for written in definition.values()])


@pytest.mark.parametrize(
    "value",
    [1, 0, 1.0, 1e-05, float("nan"), float("inf"), 2**70, None, True, False, ["a"], {"a": "b"}, b"a", ("a",)],
    ids=repr,
)
def test_3_2_numbers_null_truths_lists_and_objects_are_refused(value: object) -> None:
    engine = Engine(SMALL)
    with pytest.raises(EngineFault, match="must be a word"):
        engine.matching("dose", cast("Message", {"state": value}))
    with pytest.raises(EngineFault, match="must be a set of words"):
        engine.matching("dose", cast("Message", {"departure": value}))
    assert engine.matching("dose", GIVEN) == ("given", "late", "either", "always")


def test_3_2_a_number_in_a_set_is_refused() -> None:
    with pytest.raises(EngineFault, match="cannot be 1"):
        Engine(SMALL).matching("dose", cast("Message", {"departure": frozenset({1})}))


def test_3_2_a_rule_asks_for_texts_alone() -> None:
    with pytest.raises(EngineFault, match="not compare rightly: False"):
        rete._check_ruleset("s", Ruleset({"r0001": (("subject", "s"), ("f", False))}, {"r0001": "r"}))


@pytest.mark.parametrize("name", ["a.b", "$gt", "$", 'a"b', "a\\b", "a\nb", "", "a" * 1001, "\ud800"])
def test_3_2_a_name_with_a_dot_or_a_meaning_is_refused(name: str) -> None:
    fields = {name: Field(frozenset({"a"}))}
    assert "is no name for the engine" in refused(made({"s": fields}, asking("r")))


OPEN = {"s": {"f": Field(frozenset(), open=True)}}


@pytest.mark.parametrize("word", ["", "a" * 1001, "é" * 501, "\u0001", 'a"', "a\\", "a\n", "\ud800"])
def test_3_2_a_word_that_json_would_escape_and_an_empty_or_a_long_one_are_refused(word: str) -> None:
    assert "not compare rightly" in refused(made(OPEN, asking("r", word)))
    with pytest.raises(EngineFault, match="not compare rightly"):
        Engine(made(OPEN, rule("r", "s", {"f": "a"}))).matching("s", {"f": word})


def test_3_2_words_that_are_alike_are_told_apart() -> None:
    """Texts are compared as bytes: other cases, other spellings of a letter, beginnings, patterns are other words."""
    words = (*ALIKE, "a" * 999, "a" * 1000, "é" * 500)
    rules = [asking(f"r{n}", word) for n, word in enumerate(words)]
    engine = Engine(made(OPEN, *rules))
    for n, word in enumerate(words):
        assert engine.matching("s", {"f": word}) == (f"r{n}",)


def test_3_2_letters_are_not_escaped_on_either_side() -> None:
    book = made({"s": {"ö": Field(frozenset({"甲", "é"}))}}, rule("r", "s", {"ö": "é"}))
    (ruleset,) = rete.rulesets(book, "s")
    assert '{"ö":"é"}' in ruleset.definition()
    assert rete._json({"ö": "é"}) == '{"sid":"0","id":"e","ö":"é"}'


def test_3_2_a_field_has_one_type_in_rules_and_messages() -> None:
    types: dict[str, set[type]] = {}
    for term in terms():
        ((name, value),) = term.items()
        types.setdefault(name, set()).add(type(value))
    assert all(len(kinds) == 1 for kinds in types.values())
    assert rete._flat("dose", GIVEN) == {"subject": "dose", "state": "given", "departure:late": True}


def test_a_condition_outside_the_vocabulary_is_refused() -> None:
    assert "asks for `colour`" in refused(Rulebook((rule("r", "dose", {"colour": "red"}),)))
    assert "which it never is" in refused(Rulebook((rule("r", "dose", {"state": "gven"}),)))
    assert "no findings of `bed`" in refused(Rulebook((rule("r", "bed", {}),)))


# ---------------------------------------------------------------------------------------------------------------------
# 3.3: how it runs


def test_3_3_one_message_satisfies_every_rule_not_the_first_alone() -> None:
    assert len(Engine(SMALL).matching("dose", GIVEN)) == 4


def test_3_3_rule_names_never_reach_the_engine() -> None:
    hostile = 'a"b\\{é}\n$and.zz_guard'
    book = Rulebook((rule(hostile, "dose", {"state": "given"}), rule("zz_guard", "dose", {})))
    assert Engine(book).matching("dose", GIVEN) == (hostile, "zz_guard")
    (ruleset,) = rete.rulesets(book, "dose")
    assert list(json.loads(ruleset.definition())) == ["r0001", "r0002", "zz_guard"]


def test_3_3_a_leftover_fact_is_a_fault_and_the_next_message_is_answered_rightly() -> None:
    engine = Engine(Rulebook((rule("left over", "dose", {"state": "given"}), rule("m", "dose", {"state": "missed"}))))
    ((_, session),) = engine._loaded["dose"]
    rete._engine.assert_fact(session._handle, text(GIVEN))
    with pytest.raises(EngineFault, match="did not take a message \\(code 2\\)"):
        engine.matching("dose", {"state": "missed"})
    assert engine.matching("dose", {"state": "missed"}) == ("m",)
    assert engine.matching("dose", GIVEN) == ("left over",)


@pytest.mark.parametrize("code", [302, 303, 311, 312, 314, 101])
def test_3_3_an_error_of_the_engine_is_a_fault(code: int) -> None:
    class Broken(Spy):
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the C module
            def fail(*_: object) -> None:
                if code == 101:
                    raise MemoryError
                raise rete._engine.error(f"Could not assert fact, error code: {code}")

            return fail if name == "assert_fact" else super().__getattr__(name)

    (ruleset,) = rete.rulesets(SMALL, "dose")
    with pytest.raises(EngineFault, match="the engine failed"):
        Session(Broken(), ruleset.definition()).fired(text(GIVEN))


def test_3_3_a_rule_that_fires_again_and_again_is_a_fault() -> None:
    class Endless(Spy):
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the C module
            if name == "complete_and_start_action":
                return lambda *_: '{"r0001":{"m":{}}}'
            return super().__getattr__(name)

    (ruleset,) = rete.rulesets(Rulebook((rule("given", "dose", {"state": "given"}),)), "dose")
    with pytest.raises(EngineFault, match="fired twice"):
        Session(Endless(), ruleset.definition()).fired(text(GIVEN))


def test_3_3_after_an_interruption_nothing_is_left_over() -> None:
    class Interrupted(Spy):
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the C module
            if name == "complete_and_start_action" and name not in self.names():
                self.calls.append((name, ()))
                raise KeyboardInterrupt
            return super().__getattr__(name)

    (ruleset,) = rete.rulesets(SMALL, "dose")
    session = Session(Interrupted(), ruleset.definition())
    with pytest.raises(KeyboardInterrupt):
        session.fired(text(GIVEN))
    assert {ruleset.rules[short] for short in session.fired(text({"state": "missed"}))} == {"missed", "always"}


def test_3_3_a_ruleset_that_the_engine_refuses_is_a_fault() -> None:
    with pytest.raises(EngineFault, match="refused a ruleset"):
        Session(rete._engine, '{"r0001":{"all":[{"m":{"$nonsense":{"a":1}}}]}}')


def test_3_3_threads_take_turns() -> None:
    random = Random(5)
    rulebook = some_rulebook(random)
    drawn = [some_message(random, rulebook) for _ in range(400)]
    engine = Engine(rulebook)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda one: engine.matching(*one), drawn))
    assert answers == [plain.matching(rulebook, *one) for one in drawn]


# ---------------------------------------------------------------------------------------------------------------------
# 8.5: a new rulebook is rehearsed where it may crash


def rehearsed(definition: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    return rete._rehearsed(f"D{json.dumps(definition)}\nM{json.dumps({'sid': '0', 'id': 'e', **message})}")[0]


def test_8_5_a_crash_stays_in_the_child_process() -> None:
    """A division by zero, which ends the process; so do 256 rules of one condition, but not at every start."""
    divides = {"r": {"all": [{"m": {"$gt": {"v": {"$div": {"$l": {"$m": "a"}, "$r": {"$m": "b"}}}}}}]}}
    assert rehearsed(divides, {"v": 1, "a": 1, "b": 0}) == "the process ended with -8"


def test_8_5_an_endless_loop_stays_in_the_child_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """513 different conditions under one parent."""
    monkeypatch.setattr(rete, "SECONDS", 0.5)
    different = {f"r{n}": {"all": [{"m": {"a": f"b{n}"}}]} for n in range(513)}
    assert rehearsed(different, {"a": "b0"}) == "no answer in 0.5 s"


def test_8_5_what_the_child_says_of_an_error_is_passed_on() -> None:
    assert "302" in rehearsed({"r": {"all": [{"m": {"a": "b"}}]}}, {f"p{n}": "x" for n in range(300)})


def test_8_5_a_rulebook_that_does_not_survive_it_is_not_loaded_and_the_plain_answer_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the limits of H10 the rehearsal of these rules does not end."""
    monkeypatch.setattr(rete, "SECONDS", 0.5)
    monkeypatch.setattr(rete, "RULES", 1000)
    rules = [rule(f"r{n}", "s", {"f": f"w{n}"}) for n in range(513)]
    decider = Decider(made(one_field(513), *rules))
    (incident,) = decider.incidents
    assert incident.fault == "the rehearsal of the rulebook failed: no answer in 0.5 s"
    assert decider.matching("s", {"f": "w7"}) == ("r7",)


def test_8_5_wrong_answers_in_the_rehearsal_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rete, "_rehearsed", lambda _: ("", ("r0002",)))
    with pytest.raises(EngineFault, match="gave wrong answers"):
        Engine(SMALL)


def test_8_5_a_rulebook_is_rehearsed_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    run = subprocess.run

    def counted(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as `subprocess.run`
        started.append(arguments)
        return run(*arguments, **named)

    monkeypatch.setattr(subprocess, "run", counted)
    book = Rulebook((rule("rehearsed once", "visit", {"state": "done missed overdue"}),))
    for _ in range(3):
        assert Engine(book).matching("visit", {"state": "done"}) == ("rehearsed once",)
    assert len(started) == 1


def test_an_interpreter_that_cannot_be_started_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(EngineFault, match="rehearsal of the rulebook failed"):
        Engine(Rulebook((rule("no interpreter", "visit", {"state": "overdue"}),)))
