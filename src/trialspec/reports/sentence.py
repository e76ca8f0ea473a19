"""The plain sentence of an alert: what its rule says, with the words of what was found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialspec.alerts import Episode

UNTOLD = "?"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def sentence(say: str, facts: Mapping[str, str]) -> str:
    """Fill the placeholders of a sentence; what was not found prints as `?`."""
    return _PLACEHOLDER.sub(lambda found: facts.get(found[1]) or UNTOLD, say)


def said(episode: Episode) -> str:
    """The sentence of an alert."""
    return sentence(episode.rule.say, episode.finding.facts)
