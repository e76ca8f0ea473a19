"""The published protocols: `check` has nothing to say of them but what is accepted with a reason, and notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.test_faults import replaced
from trialspec.casebook import run
from trialspec.evaluation import load
from trialspec.proofs import prove
from trialspec.proofs.compliant import ENROLLED, arms, follow
from trialspec.solver.asking import LIMIT

HERE = Path(__file__).parent
PUBLISHED = sorted(path for path in (HERE.parent.parent / "protocols").iterdir() if path.is_dir())
