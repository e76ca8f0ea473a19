"""Findings told fast: which rules hold for a patient and until when, without the proofs.

Each teller here reads a group of `trialspec.findings` for records that are certain, and says what the group would.
Where it cannot tell it says so, and the group is read; where a rule begins to hold, the group is read for what is to be
said about it. So what is told here decides when something is said, and never what.
"""

from trialspec.live.setting import FORESEEN
from trialspec.live.units import Unit, Units

__all__ = ["FORESEEN", "Unit", "Units"]
