"""The same decision table by durable_rules, in the one narrow use that is safe: flat mode.

A rule becomes *conjunctions*: properties that must all have one value. Each subject's are packed into rulesets of at
most 60, and a finding into one flat message that each of them is asked about. There are no joins, numbers, nulls,
negations, disjunctions or text patterns to go wrong in: the table has no words for them. What could still go wrong, by
size or by name, is refused here, and a new rulebook is first rehearsed in a process of its own, with a time limit.
"""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trialspec.rulebook import session
from trialspec.rulebook.session import SCRATCH, EngineFault, Session
from trialspec.rulebook.table import misfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialspec.rulebook.table import Condition, Field, Message, Rule, Rulebook

try:
    import durable_rules_engine as _imported
except ImportError as error:
    _imported = None
    _absence = f"the rules engine cannot be imported ({error})"
else:
    _absence = ""
_engine: Any = _imported

# One message can satisfy 64 conditions beside each other, 511 may stand under one parent, 255 rules may share one:
# beyond, messages are refused, and the engine hangs or crashes. So few rules in a ruleset can do none of that.
RULES: Final = 60
# 252 in a message beside its two names.
PROPERTIES: Final = 250
# Of a text in bytes; the engine compares lengths modulo 65,536.
BYTES: Final = 1000
# Of one rule, once its lists of words are written out; 10 kB each in the engine.
CONJUNCTIONS: Final = 1000
# For the rehearsal, which takes some 30 ms: the limit is for rulesets that hang.
SECONDS: Final = 30.0

# The last rule of every ruleset, never true: what the engine reads beyond the end of a condition stays in its own pool.
_GUARD: Final = {"zz_guard": {"all": [{"m": {"$and": [{"__g1": True}, {"__g2": True}]}}]}}
# Names that mean something to the engine, which knows names by their hash alone.
_RESERVED: Final = (
    *("sid", "id", "$s", "__g1", "__g2", "all", "any", "pri", "count", "cap", "dist", "name", "$forward"),
    *("$and", "$or", "$eq", "$neq", "$lt", "$lte", "$gt", "$gte", "$ex", "$nex", "$mt", "$imt", "$iall", "$iany"),
    *("$m", "$i", "$l", "$r", "$add", "$sub", "$mul", "$div"),
)

# A name and its value. A conjunction begins with its subject, a condition that is there in every message.
Property = tuple[str, str | bool]
Conjunction = tuple[Property, ...]


class EngineAbsent(Exception):  # noqa: N818 - not an error: the plain evaluator serves
    """This Python has no durable-rules."""


def unavailable() -> str:
    """Say why the engine cannot be used on this Python; empty where it can."""
    return _absence


class Engine:
    """A rulebook loaded into the rules engine."""

    def __init__(self, rulebook: Rulebook) -> None:
        if unavailable():
            raise EngineAbsent(unavailable())
        self._rulebook = rulebook
        packed = {subject: rulesets(rulebook, subject) for subject in rulebook.subjects}
        unknown = {rule.for_each for rule in rulebook.rules} - set(packed)
        if unknown:
            raise EngineFault(f"there are no findings of `{min(unknown)}`")
        _rehearse([ruleset for several in packed.values() for ruleset in several])
        self._loaded = {
            subject: [(ruleset, _session(ruleset.definition())) for ruleset in several]
            for subject, several in packed.items()
        }

    def matching(self, subject: str, message: Message) -> tuple[str, ...]:
        """Name the rules that hold for a finding, in the order of the rulebook."""
        if fault := misfit(self._rulebook, subject, message):
            raise EngineFault(fault)
        asked = _json(_flat(subject, message))
        holding: set[str] = set()
        for ruleset, loaded in self._loaded[subject]:
            for short in loaded.fired(asked):
                if short not in ruleset.rules:
                    raise EngineFault(f"the engine named a rule that is not in the table ({short})")
                holding.add(ruleset.rules[short])
        return tuple(rule.name for rule in self._rulebook.about(subject) if rule.name in holding)


# ---------------------------------------------------------------------------------------------------------------------
# Rules as rulesets


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Conjunctions about one subject, under short names of our own, and the rule that each came from."""

    conjunctions: Mapping[str, Conjunction]
    rules: Mapping[str, str]

    def definition(self) -> str:
        """The text that the engine is given: one pattern a rule, the guard last."""
        written = {
            short: {"all": [{"m": {"$and": [{name: value} for name, value in conjunction]}}]}
            if len(conjunction) > 1
            else {"all": [{"m": dict(conjunction)}]}
            for short, conjunction in self.conjunctions.items()
        }
        return msgspec.json.encode({**written, **_GUARD}).decode()


def rulesets(rulebook: Rulebook, subject: str) -> tuple[Ruleset, ...]:
    """Pack the rules about a subject into as many rulesets as it takes."""
    fields = rulebook.subjects[subject]
    _check_names(subject, fields)
    pairs = [(rule.name, found) for rule in rulebook.about(subject) for found in _conjunctions(rule, fields)]
    packed = []
    for start in range(0, len(pairs), RULES):
        few = {f"r{number:04}": pair for number, pair in enumerate(pairs[start : start + RULES], 1)}
        ruleset = Ruleset(
            conjunctions={short: conjunction for short, (_, conjunction) in few.items()},
            rules={short: name for short, (name, _) in few.items()},
        )
        _check_ruleset(subject, ruleset)
        packed.append(ruleset)
    return tuple(packed)


def _conjunctions(rule: Rule, fields: Mapping[str, Field]) -> list[Conjunction]:
    """Write out a rule's alternatives and lists of words, each conjunction once."""
    found: set[Conjunction] = set()
    for alternative in rule.any or ((),):
        choices = [_choices(condition, rule, fields) for condition in (*rule.when, *alternative)]
        if len(found) + math.prod(map(len, choices)) > CONJUNCTIONS:
            raise EngineFault(
                f"`{rule.name}` stands for more than {CONJUNCTIONS} single cases: it must be several rules"
            )
        for chosen in product(*choices):
            # A field that must be two words at once is a case that cannot be.
            if len(dict(chosen)) == len(set(chosen)):
                found.add((("subject", rule.for_each), *sorted(set(chosen))))
    return sorted(found)


def _choices(condition: Condition, rule: Rule, fields: Mapping[str, Field]) -> list[Property]:
    field = fields.get(condition.field)
    if field is None:
        raise EngineFault(f"`{rule.name}` asks for `{condition.field}`, which a finding of {rule.for_each} has not")
    for word in condition.values:
        if not field.permits(word):
            raise EngineFault(f"`{rule.name}` asks whether `{condition.field}` is `{word}`, which it never is")
    return [_property(condition.field, word, many=field.many) for word in sorted(condition.values)]


def _flat(subject: str, message: Message) -> dict[str, str | bool]:
    """Write a finding as one flat message, with a property for each member of a set."""
    flat: dict[str, str | bool] = {"subject": subject}
    for name, value in message.items():
        flat.update(
            _property(name, word, many=isinstance(value, frozenset))
            for word in (value if isinstance(value, frozenset) else (value,))
        )
    for name, word in flat.items():
        if word is not True and not _plain(str(word)):
            raise EngineFault(f"`{name}` of {subject} has a text that the engine would not compare rightly: {word!r}")
    return flat


def _property(field: str, word: str, *, many: bool) -> Property:
    return (f"{field}:{word}", True) if many else (field, word)


def _json(flat: Mapping[str, str | bool]) -> str:
    # The engine compares the bytes of JSON, so a text must be written in one way only: msgspec escapes no letters.
    return msgspec.json.encode({**SCRATCH, **flat}).decode()


# ---------------------------------------------------------------------------------------------------------------------
# What the engine cannot bear


def _check_names(subject: str, fields: Mapping[str, Field]) -> None:
    names = ["subject"]
    for name, field in fields.items():
        names += [_property(name, word, many=True)[0] for word in sorted(field.values)] if field.many else [name]
    if len(names) > PROPERTIES:
        raise EngineFault(f"a finding of {subject} can have more than {PROPERTIES} properties")
    for name in names:
        if not _plain(name) or "." in name or name.startswith("$"):
            raise EngineFault(f"`{name}` of {subject} is no name for the engine")
    known = {hashed(name): name for name in _RESERVED}
    for name in names:
        if hashed(name) in known:
            raise EngineFault(f"the engine could not tell `{name}` of {subject} from `{known[hashed(name)]}`")
        known[hashed(name)] = name


def _check_ruleset(subject: str, ruleset: Ruleset) -> None:
    """Refuse what the packing never makes: it would crash the process, or lose an alert."""
    if len(ruleset.conjunctions) > RULES:
        raise EngineFault(f"a ruleset has more than {RULES} rules")
    for conjunction in ruleset.conjunctions.values():
        if conjunction[0] != ("subject", subject):
            raise EngineFault("a rule does not begin with its subject")
        for name, value in conjunction:
            if value is not True and not (type(value) is str and _plain(value)):
                raise EngineFault(f"a rule asks for a `{name}` that the engine would not compare rightly: {value!r}")


def _plain(text: str) -> bool:
    """Whether a text is its own JSON between quotes, and neither empty nor long."""
    try:
        written = text.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(written) <= BYTES and msgspec.json.encode(text) == b'"' + written + b'"'


def hashed(name: str) -> int:
    """Hash a name as the engine does (FNV-1a, 32 bits); it tells names apart by nothing else."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


# ---------------------------------------------------------------------------------------------------------------------
# Loading


@cache
def _session(definition: str) -> Session:
    # Kept for as long as the process lives and shared by all who ask the same: the engine never gives memory back.
    return Session(_engine, definition)


def _rehearse(all_rulesets: Iterable[Ruleset]) -> None:
    """Have each ruleset answer messages in a process of its own, where it may crash or hang."""
    lines, expected = [], []
    for ruleset in all_rulesets:
        cases = [dict(conjunction) for conjunction in ruleset.conjunctions.values()]
        # All together as far as they go together: the message that satisfies the most rules at once.
        cases.append({name: value for case in cases for name, value in case.items()})
        lines.append("D" + ruleset.definition())
        for case in cases:
            lines.append("M" + _json(case))
            expected.append({s for s, wanted in ruleset.conjunctions.items() if case.items() >= dict(wanted).items()})
    fault, answers = _rehearsed("\n".join(lines)) if lines else ("", ())
    if fault:
        raise EngineFault(f"the rehearsal of the rulebook failed: {fault}")
    if [set(filter(None, answer.split(","))) for answer in answers] != expected:
        raise EngineFault("the rehearsal of the rulebook gave wrong answers")


@lru_cache(maxsize=64)
def _rehearsed(lines: str) -> tuple[str, tuple[str, ...]]:
    """Give what went wrong in the child process, or its answers; remembered, failures too."""
    command = (sys.executable, "-I", "-S", "-B", "-X", "utf8", session.__file__, str(Path(_engine.__file__).parent))
    try:
        child = subprocess.run(command, input=lines.encode(), capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - our own interpreter and file
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS:g} s", ()
    except OSError as error:
        return str(error), ()
    if child.returncode:
        last = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return f"the process ended with {child.returncode} {last}".strip(), ()
    return "", tuple(child.stdout.decode().splitlines())
