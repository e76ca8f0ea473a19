"""Choices that a seed decides: the same seed makes the same choices on every machine and in every version of Python."""

from __future__ import annotations

from hashlib import blake2b
from math import isqrt


class Drawn:
    """Makes choices from a seed; a `Choose`, as generators take it. Nothing is random here, and nothing is a float."""

    def __init__(self, seed: str) -> None:
        self._key = blake2b(seed.encode(), digest_size=32).digest()
        self._block = 0
        self._bytes = b""

    def _word(self) -> int:
        if len(self._bytes) < 8:
            self._block += 1
            self._bytes = blake2b(self._block.to_bytes(8, "big"), key=self._key, digest_size=64).digest()
        word, self._bytes = self._bytes[:8], self._bytes[8:]
        return int.from_bytes(word, "big")

    def __call__(self, number: int) -> int:
        """Give a number below another, each as likely as the other (to one part in 2**40 for what is below 2**24)."""
        return self._word() % number

    def chance(self, parts: int, whole: int) -> bool:
        """Give yes in so many of the whole."""
        return self(whole) < parts

    def spread(self, width: int) -> int:
        """Give a number around 0 that is bell-shaped: the sum of twelve even ones, with a standard deviation of width.

        It never lies further out than six widths.
        """
        total = sum(self(2001) - 1000 for _ in range(12))
        # One even number has a variance of 1000 * 1001 / 3, twelve of them 4 * 1000 * 1001.
        return total * width // isqrt(4 * 1000 * 1001)
