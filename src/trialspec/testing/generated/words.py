"""What generated protocols speak of: few names, so that what happens to patients is what their protocol asks for."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]

AMOUNT = {"alpha": "500", "beta": "750"}
VOCABULARY: Plain = {
    "measures": {
        "m": {"label": "m", "unit": "g", "units": {"mg": "0.001"}, "possible": {"at_least": "0 g", "at_most": "100 g"}},
        "n": {"label": "n", "unit": "g", "units": {"mg": "0.001"}, "possible": {"at_least": "0 g", "at_most": "100 g"}},
        "test": {"label": "test", "values": ["positive", "negative"]},
        # Nobody records these: they are made of the others, and of each other.
        "made": {
            "label": "made",
            "unit": "g",
            "units": {"mg": "0.001"},
            "derived": {
                "dated_by": "m",
                "inputs": {
                    "m": {"latest": "m", "unit": "mg"},
                    "n": {"latest": "n", "within": "7 d"},
                    "old": {"when": {"age": "now", "at_least": "18 y"}, "then": "1", "otherwise": "0.5"},
                },
                "formula": {"multiply": ["old", {"power": [{"divide": ["m", "1000"]}, "0.5"]}, {"add": ["n", "1"]}]},
                "rounded_to": "0.5 g",
            },
        },
        "scored": {
            "label": "scored",
            "unit": "g",
            "units": {"mg": "0.001"},
            "derived": {
                "dated_by": ["m", "n"],
                "score": {
                    "items": {
                        "made": {"weight": "2", "when": {"latest": "made", "from": "14 d before now", "above": "2 g"}},
                        "test": {"weight": "1", "when": {"latest": "test", "is": "positive"}},
                        "ill": {"weight": "-1", "when": {"has": "illness", "from": "screened"}},
                    }
                },
            },
        },
    },
    "drug_classes": {"greek": {"label": "greek"}, "steady": {"label": "steady"}},
    "drugs": {
        "alpha": {"label": "alpha", "unit": "mg", "units": {"g": "1000"}, "is_a": "greek"},
        "beta": {"label": "beta", "unit": "mg", "units": {"g": "1000"}, "is_a": "greek"},
        "calm": {"label": "calm", "unit": "mg", "half_life": "3 d"},
        "plain": {"label": "plain", "unit": "mg", "is_a": "steady"},
        "strong": {"label": "strong", "unit": "mg", "is_a": "steady", "equivalents": {"plain": ["4 mg", "5 mg"]}},
    },
    "concepts": {
        "illness": {"label": "illness", "kind": "condition"},
        "infection": {"label": "infection", "kind": "condition"},
        "rash": {"label": "rash", "kind": "adverse_event"},
        "biopsy": {"label": "biopsy", "kind": "procedure"},
    },
}


def _rule(subject: str, lasts: str, **when: str | list[str]) -> Plain:
    return {"for_each": subject, "when": when, "urgency": "log", "important": "no", "lasts": lasts, "say": "It is so"}


# Rules that the library has no need of: with them every subject's findings are seen in the alerts.
OWN_RULES: Plain = {
    "own/met": _rule("criterion", "while_true", verdict="met"),
    "own/open": _rule("criterion", "while_true", verdict="unknown"),
    "own/eligible": _rule("eligibility", "while_true", now="eligible"),
    "own/known": _rule("eligibility", "while_true", as_known="eligible"),
    "own/unknown": _rule("eligibility", "while_true", as_known="undetermined"),
    "own/held": _rule("gate", "while_true", verdict="not_met"),
    "own/cleared": _rule("gate", "for_ever", verdict="met"),
    "own/due": _rule("dose", "while_true", state="due"),
    "own/complete": _rule("course", "while_true", complete="yes"),
    "own/incomplete": _rule("course", "while_true", complete="no"),
    "own/part": _rule("component", "while_true", verdict=["met", "not_met"]),
    "own/part-open": _rule("component", "while_true", verdict="unknown"),
}
