"""Cases: what happened to a patient and what the protocol must say of it, written as sentences beside the protocol.

A file of cases is YAML. It names a protocol, says what happened, and at which time what is expected:

```yaml
protocol: protocols/demo     # a name, or a small protocol written here; without it the protocol.yaml beside `cases/`
day_1: 2014-03-03            # the date that `day 1` means in this file
background:                  # what happened in every case
  - day -7: screening
cases:
  - case: at exactly 1.5 the cyclophosphamide is not cleared
    why: the label says 1500 or less, and a limit that is exceeded does not include itself
    events:
      - day 3 08:00: neutrophils 1.5 10*9/L
      - day 3 10:00: cyclophosphamide 750 mg intravenous
    expect:
      day 3: {CYC#1: {state: given, departure: [gate_not_met]}, alerts: [dosing/given-without-clearance CYC#1]}
```

**Times** are dates, partial dates and instants, or `day N`, with a time of day after it where one is known. What is
expected is asked at that instant, or at the end of that date. `day 40 as known day 20` asks it of what was available by
the end of day 20.

**Events** are sentences: `rituximab 500 mg intravenous for RTX#1` (a drug that was given), `c3 0.9 g/L at week_4` (a
measure), `visit week_4` or `consent 1.0.0` (a milestone), `pneumonia` (a concept), and `no pneumonia` for *asked and
denied*. Everything else is a mapping with the keys of an event; `{therapy: azathioprine, outcome: relapse}` is short
for one of that kind. The ids of the background are `b1`, `b2` ..., those of a case `e1`, `e2` ..., unless an event
gives its own. `background: none` leaves all of the background out of a case, `without: [b2]` some of it. With
`available: at once` every event that does not say otherwise was known when it was true.

**Expected** is, by the name of a subject (`CYC#1`, `I1`, `eligibility`, or with its kind: `visit baseline`), its word,
or a mapping of its fields; a set of words is a list. Beside its fields a subject has `because` (ids), `missing`,
`margin`, and the words that sentences use (`date`, `planned`). `nothing` says that there is no such finding. What is
not mentioned is not looked at, but two lists are exact: `alerts` are the alerts that hold at that time, `raised` are
all that were raised up to it, those that are over included. An alert is written as its rule, with its subject where
that matters.

`xfail: <sentence>` marks a case that is known to come out wrong, and says why; it fails as soon as it comes out right.
"""

from trialspec.casebook.cases import Asked, Case, Casebook, Expectation, Failure, Result
from trialspec.casebook.reading import PATIENT, case_files, read_cases
from trialspec.casebook.running import run, run_case

__all__ = [
    "PATIENT",
    "Asked",
    "Case",
    "Casebook",
    "Expectation",
    "Failure",
    "Result",
    "case_files",
    "read_cases",
    "run",
    "run_case",
]
