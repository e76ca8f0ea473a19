"""From findings to alerts: a decision table, read by a plain evaluator and by durable-rules, which must agree."""

from trialspec.rulebook.decide import Decider, Incident
from trialspec.rulebook.table import SUBJECTS, Condition, Field, Message, Rule, Rulebook, misfit

__all__ = ["SUBJECTS", "Condition", "Decider", "Field", "Incident", "Message", "Rule", "Rulebook", "misfit"]
