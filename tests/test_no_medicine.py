"""What the engine knows of medicine: nothing. Drugs, diseases, laboratory values and scores stand in files of rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from trialspec.compile import compile_protocol
from trialspec.document import Plain, dump
from trialspec.load import load

CHECKOUT = Path(__file__).parents[1]
RULES = CHECKOUT / "rules"
CODE = sorted((CHECKOUT / "src").rglob("*.py"))

# Words of the language or of English that the vocabulary uses too: what a record carries, or what anybody would say.
EVERYDAY = frozenset({"weight", "height", "infection", "headache", "nausea", "vaccine"})
# Names that stand in no vocabulary of ours, and yet must not be in the code.
MORE = (
    *("lupus", "nephritis", "arthritis", "cancer", "melanoma", "sledai", "bilag", "selena", "lldas", "doris", "bicla"),
    *("kdigo", "eular", "slicc", "recist", "ecog", "egfr", "upcr", "steroid", "antibody", "tumour", "chemotherapy"),
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """All names of the shipped vocabulary, and more."""
    libraries = sorted(path for path in RULES.rglob("*.yaml") if path.parent.name != "cases")
    uses: list[Plain] = [f"rules/{path.relative_to(RULES).with_suffix('')}" for path in libraries]
    head: Plain = {"language": "1", "protocol": "names", "title": "Names", "version": "1", "zone": "UTC", "use": uses}
    file = tmp_path_factory.mktemp("names") / "protocol.yaml"
    file.write_text(dump(head), encoding="utf-8")
    terms = compile_protocol(load(file)).program.vocabulary.terms
    assert len(terms) > 150
    return frozenset(terms) - EVERYDAY | set(MORE)


def said(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name and text in code, with its line; what explains the code to a reader is left out."""
    explained = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.lineno, node.arg


def found(text: str, names: frozenset[str]) -> list[str]:
    """The names that stand in a text, alone or in a longer name; what advice shows as an example is in ticks."""
    words = re.findall(r"[a-z0-9]+", re.sub("`[^`]*`", "", text).lower())
    spoken = {"_".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 5)}
    return sorted(spoken & names)


def test_no_drug_disease_or_score_is_named_in_code(names: frozenset[str]) -> None:
    wrong = [
        f"{path.relative_to(CHECKOUT)}:{line}: {', '.join(here)}"
        for path in CODE
        for line, text in said(ast.parse(path.read_text(encoding="utf-8")))
        if (here := found(text, names))
    ]
    assert wrong == []


def test_a_name_is_noticed(names: frozenset[str]) -> None:
    assert found("if measure == 'sledai_2k_10d'", names) != []
    assert found("rituximab", names) == ["rituximab"]
    assert found("_sledai_total", names) == ["sledai"]
    assert found("the lupus nephritis of", names) == ["lupus", "lupus_nephritis", "nephritis"]
    assert found("weight", names) == []
    assert found("write it as in `day 1: rituximab 500 mg`", names) == []
