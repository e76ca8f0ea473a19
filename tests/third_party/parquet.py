"""Reads a small Parquet table of plain columns, so that no test needs a library for it.

It knows what such tables are written with: optional columns, plain values, dictionaries, pages of the first version,
and Zstandard, which the system's own library undoes. Anything else stops it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Value = str | int | float | bool | None

_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_PLAIN, _RLE, _DICTIONARIES = 0, 3, (2, 8)
_BOOLEAN, _INT32, _INT64, _FLOAT, _DOUBLE, _BYTES = 0, 1, 2, 4, 5, 6
_FIXED = {_INT32: "<i", _INT64: "<q", _FLOAT: "<f", _DOUBLE: "<d"}
_UNCOMPRESSED, _ZSTD = 0, 6


def rows(path: Path) -> Iterator[dict[str, Value]]:
    """Give the rows of a table."""
    data = path.read_bytes()
    assert data[:4] == data[-4:] == b"PAR1", f"{path.name} is no Parquet file"
    length = int.from_bytes(data[-8:-4], "little")
    table = _Thrift(data, len(data) - 8 - length).struct()
    columns = [element for element in table[2] if 5 not in element]
    for group in table[4]:
        read = {
            column[4].decode(): list(_column(data, chunk[3], optional=column.get(3) == 1))
            for column, chunk in zip(columns, group[1], strict=True)
        }
        yield from (dict(zip(read, row, strict=True)) for row in zip(*read.values(), strict=True))


def _column(data: bytes, chunk: dict[int, Any], *, optional: bool) -> Iterator[Value]:
    kind, codec, left = chunk[1], chunk[4], chunk[5]
    at = chunk.get(11) or chunk[9]
    dictionary: list[Value] = []
    while left > 0:
        header = _Thrift(data, at)
        page = header.struct()
        body = _uncompressed(data[header.at : header.at + page[3]], codec, page[2])
        at = header.at + page[3]
        if page[1] == _DICTIONARY_PAGE:
            dictionary = _plain(body, kind, page[7][1])
            continue
        assert page[1] == _DATA_PAGE, "pages of the second version are not read"
        count, encoding = page[5][1], page[5][2]
        there = [1] * count
        if optional:
            size = int.from_bytes(body[:4], "little")
            there, body = _hybrid(body[4 : 4 + size], 1, count), body[4 + size :]
        if encoding in _DICTIONARIES:
            values = [dictionary[index] for index in _hybrid(body[1:], body[0], sum(there))]
        elif encoding == _RLE:
            values = [bool(each) for each in _hybrid(body[4:], 1, sum(there))]
        else:
            assert encoding == _PLAIN, f"encoding {encoding} is not read"
            values = _plain(body, kind, sum(there))
        given = iter(values)
        yield from (next(given) if level else None for level in there)
        left -= count


def _plain(body: bytes, kind: int, count: int) -> list[Value]:
    if kind == _BOOLEAN:
        return [bool(body[index // 8] >> index % 8 & 1) for index in range(count)]
    if kind in _FIXED:
        size = struct.calcsize(_FIXED[kind])
        return [value for (value,) in struct.iter_unpack(_FIXED[kind], body[: count * size])]
    assert kind == _BYTES, f"values of type {kind} are not read"
    found: list[Value] = []
    at = 0
    for _ in range(count):
        size = int.from_bytes(body[at : at + 4], "little")
        found.append(body[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return found


def _hybrid(body: bytes, width: int, count: int) -> list[int]:
    """Read runs of one number, and groups of eight numbers packed in bits."""
    found: list[int] = []
    at, size = 0, (width + 7) // 8
    while len(found) < count:
        head, at = _varint(body, at)
        if head & 1:
            packed = int.from_bytes(body[at : at + (head >> 1) * width], "little")
            found += [packed >> width * index & (1 << width) - 1 for index in range((head >> 1) * 8)]
            at += (head >> 1) * width
        else:
            found += [int.from_bytes(body[at : at + size], "little")] * (head >> 1)
            at += size
    return found[:count]


def _uncompressed(body: bytes, codec: int, size: int) -> bytes:
    if codec == _UNCOMPRESSED:
        return body
    assert codec == _ZSTD, f"compression {codec} is not read"
    name = ctypes.util.find_library("zstd")
    if name is None:
        pytest.skip("the tables are compressed, and the system has no Zstandard library (libzstd1 on Debian)")
    decompress = ctypes.CDLL(name).ZSTD_decompress
    decompress.restype = ctypes.c_size_t
    decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    into = ctypes.create_string_buffer(size)
    assert decompress(into, size, body, len(body)) == size, "a page cannot be read"
    return into.raw[:size]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


class _Thrift:
    """What the parts of a file say of themselves, in Thrift's compact protocol: structs as fields by number."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        last = 0
        while head := self._byte():
            last = last + (head >> 4) if head >> 4 else self._number()
            fields[last] = (head & 15) == 1 if head & 15 in (1, 2) else self._value(head & 15)
        return fields

    def _value(self, kind: int) -> Any:  # noqa: ANN401 (whatever a field holds)
        match kind:
            case 1 | 2 | 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._number()
            case 7:
                self.at += 8
                return struct.unpack_from("<d", self.data, self.at - 8)[0]
            case 8:
                size = self._varint()
                self.at += size
                return self.data[self.at - size : self.at]
            case 9 | 10:
                head = self._byte()
                size = head >> 4 if head >> 4 < 15 else self._varint()
                return [self._value(head & 15) for _ in range(size)]
            case 12:
                return self.struct()
            case _:
                message = f"a field of type {kind} is not read"
                raise AssertionError(message)

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        value, self.at = _varint(self.data, self.at)
        return value

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
