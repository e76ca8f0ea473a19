"""The desk is tested against the protocol: over HTTP, with patients that the protocol itself makes.

Three lines are the test; the rest is there to show that a desk with a mistake is found out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings

from trialspec import load
from trialspec.testing import Http, Patient, agrees, borders, patients

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("desk", HERE / "desk.py")
assert SPEC is not None
assert SPEC.loader is not None
desk = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(desk)

PROTOCOL = load(HERE)
# The desk raises two of the protocol's alerts; of the others it knows nothing.
RULES = ("dosing/wrong-amount", "dosing/given-without-clearance")


@contextmanager
def serving(one: object) -> Iterator[Http]:
    """Serve a desk for as long as it is tested."""
    server = desk.server(one)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Http(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def service() -> Iterator[Http]:
    """Serve the desk."""
    with serving(desk.Desk()) as found:
        yield found


@settings(max_examples=15, deadline=None)
@given(
    patient=patients(PROTOCOL, departing="amount")
    | patients(PROTOCOL, departing="gate_not_met")
    | patients(PROTOCOL, treated=True)
)
def test_the_desk_says_what_the_protocol_says(service: Http, patient: Patient) -> None:
    """Of patients made to order."""
    agrees(service, patient, RULES)


def test_the_desk_is_right_on_both_sides_of_every_limit(service: Http) -> None:
    """Of pairs that differ in one record by one step."""
    for pair in borders(PROTOCOL):
        agrees(service, pair.one, RULES)
        agrees(service, pair.other, RULES)


class Generous(desk.Desk):  # type: ignore[name-defined,misc]
    """A desk that takes exactly 1.5 for enough."""

    def enough(self, count: Decimal) -> bool:
        """Whether there are enough neutrophils: one who reads `above` as `at least`."""
        return bool(count >= desk.LIMIT)


def test_a_limit_read_wrongly_is_found_by_its_pair() -> None:
    """The mistake shows in no usual patient, and in the very pair that straddles the limit."""
    with serving(Generous()) as service:
        for pair in borders(PROTOCOL):
            if pair.about == "gate recovered" and pair.differ_in == "value":
                with pytest.raises(AssertionError, match="dosing/given-without-clearance CYC#1 is not raised"):
                    agrees(service, pair.one, RULES)
                break
        else:
            pytest.fail("there is no pair for the gate")
