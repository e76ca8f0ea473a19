"""A clinical trial protocol is one declarative file that runs.

It checks a protocol against patients' events. It is not a medical device; a person decides.

    protocol = trialspec.load(Path("protocols/rituximab-refractory-lupus-nephritis"))
    for report in protocol.evaluate(trialspec.read(Path("events.ndjson")), at=instant):
        ...
"""

from trialspec.alerts import Episode, Note, changes, fold
from trialspec.diagnostics import Diagnostic, Place, ProtocolError
from trialspec.evaluation import PatientReport, Protocol, load
from trialspec.findings.finding import Finding
from trialspec.program import Program
from trialspec.sources import cohort, read

__version__ = "0.1.0"

__all__ = [
    "Diagnostic",
    "Episode",
    "Finding",
    "Note",
    "PatientReport",
    "Place",
    "Program",
    "Protocol",
    "ProtocolError",
    "changes",
    "cohort",
    "fold",
    "load",
    "read",
]
