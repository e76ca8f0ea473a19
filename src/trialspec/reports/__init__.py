"""What people read: tables, deviation logs, queries, calendars, and a protocol in plain language.

Everything here is data and text. Nothing prints, and nothing decides: verdicts come from findings, alerts from rules.
"""

from trialspec.reports.table import FOOTER, Page, Table

__all__ = ["FOOTER", "Page", "Table"]
