"""One ruleset of durable-rules in one scratch session: a fact goes in, the rules that fire come out, the fact goes.

This is the only use of the engine that was right in every test; it crashes, hangs or invents answers in others. Imports
nothing of trialspec, so that the file also runs alone, in a process that a bad ruleset may crash or hang:

    python session.py FOLDER_OF_THE_C_MODULE < rehearsal

where a line `D...` defines a ruleset, and a line `M...` asserts a message whose fired rules are printed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Lock
from typing import Any

# Each ruleset has one session and that one fact at a time, so neither name can meet another of the same hash.
SCRATCH = {"sid": "0", "id": "e"}
_SCRATCH_TEXT = '{"sid":"0","id":"e"}'


class EngineFault(Exception):  # noqa: N818 - it is the engine's fault; what the user did is not an error
    """The engine gave no answer that can be used."""


class Session:
    """A ruleset of one-message rules; a session that failed is not used again, the next message gets a new one."""

    def __init__(self, engine: Any, definition: str) -> None:  # noqa: ANN401 - the C module has no types
        self._engine = engine
        self._definition = definition
        self._handle: int | None = None
        self._lock = Lock()
        self._create()

    def fired(self, message: str) -> list[str]:
        """Give the rules that hold for a message, each once; raise `EngineFault` where that cannot be told."""
        with self._lock:
            if self._handle is None:
                self._create()
            try:
                return self._drained(message)
            except BaseException as error:  # an interruption too leaves something behind
                self._handle = None
                if isinstance(error, EngineFault) or not isinstance(error, Exception):
                    raise
                # The C module's own, for each of its codes from 101 on, or `MemoryError`.
                raise EngineFault(f"the engine failed: {error}") from error

    def _create(self) -> None:
        try:
            self._handle = self._engine.create_ruleset("rules", self._definition)
        except Exception as error:
            raise EngineFault(f"the engine refused a ruleset: {error}") from error

    def _drained(self, message: str) -> list[str]:
        code, state = self._engine.assert_fact(self._handle, message)
        if code == 1:  # no rule holds; nothing was stored
            return []
        if code != 0:  # 2: an earlier fact was left behind, so that this one was not looked at
            raise EngineFault(f"the engine did not take a message (code {code})")
        names: list[str] = []
        try:
            started = self._engine.start_action_for_state(self._handle, state)
            firing = started and started[1]
            while firing:  # {"r0001":{"m":{...}}}
                name = firing[2 : firing.index('"', 2)]
                if name in names:
                    raise EngineFault(f"a rule fired twice ({name})")
                names.append(name)
                firing = self._engine.complete_and_start_action(self._handle, state)
        finally:
            code, _ = self._engine.retract_fact(self._handle, _SCRATCH_TEXT)
        if code != 0:
            raise EngineFault(f"the engine kept a message (code {code})")
        return names


def _rehearse(folder: str) -> None:
    sys.path.append(folder)
    engine = import_module("durable_rules_engine")
    session = None
    for line in sys.stdin.buffer:
        order, text = line[:1], line[1:].decode().rstrip("\n")
        if order == b"D":
            session = Session(engine, text)
        elif session:
            sys.stdout.write(",".join(session.fired(text)) + "\n")


if __name__ == "__main__":
    _rehearse(sys.argv[1])
