"""A patient's records in few bytes: what is put away while nothing happens, and taken up again.

Alerts follow from records and an instant, so nothing but records is kept. A pack begins with the number of its format;
one of another format is refused with a sentence, never guessed at.
"""

from __future__ import annotations

import zlib
from sys import intern
from typing import TYPE_CHECKING, Any

import msgspec

from trialspec.diagnostics import Diagnostic, ProtocolError
from trialspec.events import Event, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.events import Record

FORMAT = 1

# What records are made of again and again; the last is what comes most often. It is part of the format: never edit it.
_USUAL = (
    b"entered_in_error laboratory evidence intent ongoing related serious concept outcome adverse_event procedure "
    b"condition therapy person birth female male visit baseline reason planned part_of version consent screening "
    b"enrolment milestone route intravenous oral mg administration drug amount method source site low high /uL mg/dL "
    b"g/L g/(24.h) 10*9/L -01-02-03-04-05-06-07-08-09-10-11-12T08:00+00:00T09:30:00Z 2024- 2025- 2026- "
    b"observation measure unit value"
)
# What the last fields of an event mostly are; its first five are always there.
_DEFAULTS = (None, None, None, None, None, 0, False, "", "", "", "")


def pack(records: Iterable[Record]) -> bytes:
    """Put records into bytes: the number of the format in the first, and the rest compressed."""
    body = msgspec.msgpack.encode([_row(record) for record in records])
    packer = zlib.compressobj(level=3, wbits=-15, zdict=_USUAL)
    return bytes([FORMAT]) + packer.compress(body) + packer.flush()


def unpack(packed: bytes) -> tuple[Record, ...]:
    """Take records out of bytes; raises `ProtocolError` for bytes that are no pack of this format."""
    if packed[:1] != bytes([FORMAT]):
        raise _refused(f"they are of format {packed[0] if packed else 'none'}, and this version reads {FORMAT}")
    unpacker = zlib.decompressobj(wbits=-15, zdict=_USUAL)
    try:
        rows = msgspec.msgpack.decode(unpacker.decompress(packed[1:]) + unpacker.flush(), type=list[list[Any]])
    except (zlib.error, msgspec.DecodeError) as error:
        raise _refused(f"they are damaged ({error})") from error
    return tuple(_record(row) for row in rows)


def _refused(reason: str) -> ProtocolError:
    advice = "begin with a new state, and give all events again"
    message = f"records that were put away cannot be read: {reason}"
    return ProtocolError([Diagnostic("unknown-file", message, None, help=advice)])


def _row(record: Record) -> list[Any]:
    """Give a record's fields in order, less the defaults at its end; what is unreadable begins with `None`."""
    if isinstance(record, Unreadable):
        return [
            None,
            record.reason,
            record.mark,
            record.patient,
            record.id,
            record.revision,
            record.available,
            record.origin,
        ]
    row: list[Any] = [
        record.id,
        record.patient,
        record.kind,
        record.time,
        dict(record.content),
        record.revision,
        record.retracted,
        record.available,
        record.recorded,
        record.received,
        record.origin,
    ]
    while row[-1] == _DEFAULTS[len(row) - 1]:
        row.pop()
    return row


def _record(row: list[Any]) -> Record:
    if row[0] is None:
        return Unreadable(*row[1:])
    # As in records that are decoded, each text is held once.
    row[1:4] = map(intern, row[1:4])
    row[4] = {intern(key): intern(text) for key, text in row[4].items()}
    row[7:10] = map(intern, row[7:10])
    return Event(*row)
