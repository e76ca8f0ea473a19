"""A test kit made of a protocol: patients and streams to test with, laws to hold, and a machine to drive a system by.

Everything here is built on Hypothesis, as its users expect it: strategies compose, shrink and replay.

    protocol = trialspec.load(Path("protocols/rituximab-refractory-lupus-nephritis"))

    @given(patients(protocol, response="responder", departing={"RTX#2": "late"}))
    def test_mine(patient): ...
"""

from trialspec.testing.borders import Pair, borders, unstraddled
from trialspec.testing.made import Expected, Patient
from trialspec.testing.making import DEPARTURES, UnreachableError, Wish, make
from trialspec.testing.patients import boundary_patients, patients, timelines

__all__ = [
    "DEPARTURES",
    "Expected",
    "Pair",
    "Patient",
    "UnreachableError",
    "Wish",
    "borders",
    "boundary_patients",
    "make",
    "patients",
    "timelines",
    "unstraddled",
]
