"""The exit codes of every command."""

from __future__ import annotations

FINE = 0
WRONG = 1
USAGE = 2
FOUND = 3
OURS = 70
STOPPED = 130
CUT_OFF = 141

IN_WORDS = """\
\b
Exit codes:
    0  fine: the command did what was asked, whatever it found
    1  the file or the input is wrong, and the message says where
    2  the command line is not one that is understood
    3  only with --fail-on: there are alerts of that kind
   70  trialspec itself is wrong: please report what is printed
  130  stopped from the keyboard
  141  the output was closed before all of it was written
"""
