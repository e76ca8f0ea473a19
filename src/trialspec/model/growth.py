"""How far a protocol grows while its names are followed: each is said once, and what nobody could follow is noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

DEEPEST = 64  # criteria, statements and moments inside or behind each other
HEAVIEST = 100_000  # pieces of a whole protocol, written out

T = TypeVar("T")


@dataclass(slots=True)
class Frame:
    """What is known of the piece that is being said: how deep it goes, and whether it speaks of a dose."""

    height: int = 0
    dose: bool = False


@dataclass(slots=True)
class Growth:
    """The pieces that are being said, one inside the other, and how many there are in all."""

    frames: list[Frame] = field(default_factory=lambda: [Frame()])
    weight: int = 0
    told: bool = False  # that it is too much

    @property
    def top(self) -> Frame:
        """The innermost piece that is being said."""
        return self.frames[-1]

    def enter(self) -> None:
        """Begin a piece."""
        self.frames.append(Frame())
        self.weight += 1

    def leave(self) -> Frame:
        """End a piece, and tell the one around it."""
        frame = self.frames.pop()
        frame.height += 1
        self.add(frame)
        return frame

    def add(self, frame: Frame) -> None:
        """Put a piece into the one that is being said."""
        self.top.height = max(self.top.height, frame.height)
        self.top.dose = self.top.dose or frame.dose


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """What a name means, how deep that goes, and how many pieces it has."""

    value: T
    frame: Frame
    weight: int


@dataclass(slots=True)
class Meanings(Generic[T]):
    """What names of one sort mean, each said once."""

    known: dict[str, Said[T]] = field(default_factory=dict)
    underway: list[str] = field(default_factory=list)
