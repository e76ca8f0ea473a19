"""Decision tables and findings, made up from a seed: over the vocabulary of trialspec and over made-up ones."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from trialspec.rulebook import SUBJECTS, Condition, Field, Message, Rule, Rulebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from random import Random

    from trialspec.rulebook.decide import Matcher

# Words that are alike: beginnings of each other, other cases, other spellings of one letter, signs of other languages.
ALIKE = (
    "a",
    "aa",
    "a ",
    "a!",
    "A",
    "ä",
    "a\u0308",
    "yes",
    "yes ",
    "true",
    "null",
    "1",
    "1.0",
    "甲",
    "🜁",
    ".*",
    "$m",
    "'",
)


def rule(
    name: str, subject: str, when: Mapping[str, str], *alternatives: Mapping[str, str], important: bool = True
) -> Rule:
    """Write a rule as a file would: the words of a field in one text."""
    return Rule(
        name=name,
        for_each=subject,
        when=conditions(when),
        any=tuple(conditions(alternative) for alternative in alternatives),
        urgency="now",
        important=important,
        lasts="for_ever",
        say="it happened",
    )


def conditions(when: Mapping[str, str]) -> tuple[Condition, ...]:
    return tuple(Condition(field, frozenset(words.split())) for field, words in when.items())


def some_vocabulary(random: Random) -> Mapping[str, Mapping[str, Field]]:
    """Make up one or two subjects whose words are hard to tell apart."""

    def words() -> frozenset[str]:
        return frozenset(random.sample(ALIKE, random.randint(1, 6)))

    def field() -> Field:
        many = random.random() < 0.4
        return Field(frozenset({w for w in words() if "." not in w}) if many else words(), many=many)

    names = random.sample(("f", "ff", "f ", "F", "ö", "field", "fiel", "yes", "m", "every"), 6)
    return {
        subject: {name: field() for name in random.sample(names, 4)} for subject in ("s", "ss")[: random.randint(1, 2)]
    }


def some_rulebook(random: Random, subjects: Mapping[str, Mapping[str, Field]] = SUBJECTS) -> Rulebook:
    """Make up rules; some without conditions, some that ask one field twice, some that nothing can satisfy."""

    def some_conditions(fields: Mapping[str, Field], least: int, upto: int) -> tuple[Condition, ...]:
        asked = random.choices(sorted(fields), k=random.randint(least, upto))
        return tuple(Condition(name, some_words(fields[name])) for name in asked)

    def some_words(field: Field) -> frozenset[str]:
        known = sorted(field.values | (set(ALIKE) if field.open else set()))
        return frozenset(random.sample(known, min(len(known), random.choice((0, 1, 1, 1, 2, 2, 3)))))

    rules = []
    most = random.choice((4, 20, 30, 150))
    # Most rules about few subjects, so that some tables take several rulesets.
    busy = random.sample(sorted(subjects), min(2, len(subjects)))
    for number in range(random.randint(most // 2, most)):
        subject = random.choice(busy if random.random() < 0.5 else sorted(subjects))
        fields = subjects[subject]
        when = some_conditions(fields, 0, 3)
        alternatives = tuple(
            some_conditions(fields, 0 if random.random() < 0.1 else 1, 2) for _ in range(random.choice((0, 0, 1, 2, 3)))
        )
        letters = "".join(random.choices(string.ascii_lowercase + 'é"\\{}', k=3))
        rules.append(
            Rule(
                f"{letters}/{number}",
                subject,
                when,
                "log",
                important=False,
                lasts="while_true",
                say="",
                any=alternatives,
            )
        )
    return Rulebook(tuple(rules), subjects)


def some_message(random: Random, rulebook: Rulebook) -> tuple[str, Message]:
    """Make up a finding: at random, or one that a rule asks for, then one word off or one field short."""
    rules = rulebook.rules
    chosen = random.choice(rules)
    subject = chosen.for_each if random.random() < 0.9 else random.choice(sorted(rulebook.subjects))
    fields = rulebook.subjects[subject]
    message: dict[str, str | frozenset[str]] = {}
    for name, field in fields.items():
        known = sorted(field.values | (set(ALIKE) if field.open else set()))
        if not field.many and known and random.random() < 0.85:
            message[name] = random.choice(known)
        elif field.many and random.random() < 0.85:
            message[name] = frozenset(random.sample(known, random.randint(0, min(3, len(known)))))
    if subject == chosen.for_each and random.random() < 0.8:
        for condition in (*chosen.when, *(random.choice(chosen.any) if chosen.any else ())):
            if condition.values:
                word = random.choice(sorted(condition.values))
                before = message.get(condition.field, frozenset())
                many = fields[condition.field].many
                message[condition.field] = frozenset({word}.union(before)) if many else word
        if message and random.random() < 0.15:
            del message[random.choice(sorted(message))]
    return subject, message


def disagreements(
    one: Matcher, other: Matcher, messages: Iterable[tuple[str, Message]]
) -> Iterator[tuple[str, Message, Sequence[str], Sequence[str]]]:
    """Give each finding for which two matchers name different rules, with both answers."""
    for subject, message in messages:
        first, second = one.matching(subject, message), other.matching(subject, message)
        if first != second:
            yield subject, message, first, second


class Matching:
    """A function as a matcher."""

    def __init__(self, rulebook: Rulebook, function: Callable[[Rulebook, str, Message], tuple[str, ...]]) -> None:
        self.rulebook, self.function = rulebook, function

    def matching(self, subject: str, message: Message) -> tuple[str, ...]:
        return self.function(self.rulebook, subject, message)
