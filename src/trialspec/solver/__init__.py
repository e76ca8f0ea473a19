"""Questions about a protocol rather than about a patient, answered by Z3 with a patient to show for it.

The kernel is translated over a timeline whose records are open: whether they are there, when, and what they say. The
library comes in by one door, `trialspec.solver.logic`; `installed` tells whether it can be opened.
"""

from __future__ import annotations

from importlib.util import find_spec

HOW_TO_INSTALL = "proofs need the extra `proofs`: pip install 'trialspec[proofs]'"


def installed() -> bool:
    """Whether the library that proves is there."""
    return find_spec("z3") is not None
