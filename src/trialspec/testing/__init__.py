"""A test kit made of a protocol: patients and streams to test with, laws to hold, and a machine to drive a system by.

Everything here is built on Hypothesis, as its users expect it: strategies compose, shrink and replay.

    protocol = trialspec.load(Path("protocols/rituximab-refractory-lupus-nephritis"))

    @given(patients(protocol, response="responder", departing={"RTX#2": "late"}))
    def test_mine(patient): ...
"""

from trialspec.testing.borders import Pair, borders, unstraddled
from trialspec.testing.conformance import (
    Difference,
    Example,
    read_conformance,
    run_conformance,
    suite,
    write_conformance,
)
from trialspec.testing.fuzzing import Broken, Outcome, agreement, agrees, fuzz, held, streams, watches
from trialspec.testing.laws import LAWS, Law
from trialspec.testing.machine import ProtocolMachine
from trialspec.testing.made import Expected, Patient
from trialspec.testing.making import make
from trialspec.testing.patients import boundary_patients, events, patients, timelines, values
from trialspec.testing.protocols import Written, nearly_protocols, protocols
from trialspec.testing.recipes import Recipe, read_recipe
from trialspec.testing.searching import UnreachableError
from trialspec.testing.simulating import Simulated, simulate
from trialspec.testing.streams import Step, Stream
from trialspec.testing.systems import Command, Function, Http, Live, NoAnswerError, Reference, System
from trialspec.testing.wishes import DEPARTURES, Wish

__all__ = [
    "DEPARTURES",
    "LAWS",
    "Broken",
    "Command",
    "Difference",
    "Example",
    "Expected",
    "Function",
    "Http",
    "Law",
    "Live",
    "NoAnswerError",
    "Outcome",
    "Pair",
    "Patient",
    "ProtocolMachine",
    "Recipe",
    "Reference",
    "Simulated",
    "Step",
    "Stream",
    "System",
    "UnreachableError",
    "Wish",
    "Written",
    "agreement",
    "agrees",
    "borders",
    "boundary_patients",
    "events",
    "fuzz",
    "held",
    "make",
    "nearly_protocols",
    "patients",
    "protocols",
    "read_conformance",
    "read_recipe",
    "run_conformance",
    "simulate",
    "streams",
    "suite",
    "timelines",
    "unstraddled",
    "values",
    "watches",
    "write_conformance",
]
