"""A stranger's service: an infusion desk that knows nothing of trialspec, and raises two alerts of its own making.

It takes records by HTTP, and says of a patient which infusions had the wrong amount, and which were given without
enough neutrophils in the seven days before. `python desk.py 8080` serves it.
"""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PLANNED = {"rituximab": ("RTX#1", Decimal(500)), "cyclophosphamide": ("CYC#1", Decimal(750))}
UNITS = {
    "10*9/L": Decimal(1),
    "10*3/uL": Decimal(1),
    "/uL": Decimal("0.001"),
    "/mm3": Decimal("0.001"),
    "10*6/L": Decimal("0.001"),
}
LIMIT = Decimal("1.5")


class Desk:
    """What the desk knows, and what it makes of it."""

    def __init__(self) -> None:
        self.records: list[dict[str, str]] = []

    def enough(self, count: Decimal) -> bool:
        """Whether there are enough neutrophils."""
        return count > LIMIT

    def alerts(self, patient: str) -> list[str]:
        """Give what is wrong."""
        mine = [record for record in self.records if record["patient"] == patient]
        found = []
        for dose in (record for record in mine if record.get("drug") in PLANNED and record["kind"] == "administration"):
            slot, amount = PLANNED[dose["drug"]]
            if abs(Decimal(dose["amount"]) - amount) > amount / 20:
                found.append(f"dosing/wrong-amount {slot}")
            if dose["drug"] == "cyclophosphamide" and not self.cleared(mine, date.fromisoformat(dose["time"][:10])):
                found.append(f"dosing/given-without-clearance {slot}")
        return found

    def cleared(self, records: list[dict[str, str]], day: date) -> bool:
        """Whether the latest count of the week before is enough."""
        week = [
            (record["time"], Decimal(record["value"]) * UNITS[record["unit"]])
            for record in records
            if record.get("measure") == "neutrophils"
            and day - timedelta(days=7) <= date.fromisoformat(record["time"][:10]) <= day
        ]
        return bool(week) and self.enough(max(week)[1])


def server(desk: Desk, port: int = 0) -> ThreadingHTTPServer:
    """Make the service; with port 0 any that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Begin anew, take in records, or be told the time."""
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/begin":
                desk.records.clear()
            elif self.path == "/feed":
                desk.records += told["records"]
            self.answer({})

        def do_GET(self) -> None:
            """Give a patient's alerts."""
            (patient,) = parse_qs(urlsplit(self.path).query)["patient"]
            self.answer({"alerts": desk.alerts(patient)})

        def answer(self, plain: object) -> None:
            """Send JSON."""
            body = json.dumps(plain).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    server(Desk(), int(sys.argv[1])).serve_forever()
