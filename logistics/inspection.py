"""What the warehouse says of each piece in a box (R25, R26): what it is, and what is usual."""

from collections.abc import Mapping
from dataclasses import dataclass

from returns.states import Disposition, Grade, InspectionOutcome


@dataclass(frozen=True)
class Picture:
    """A photo that evidence.py let pass and stored as `file`; `size` in bytes as stored."""

    file: str
    name: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Piece:
    """One piece: what was found, in what condition it can be sold, where it goes.

    Raises ValueError for what cannot be: a missing piece has no grade and goes nowhere; what cannot
    be sold, or is not what was sold, does not go back into inventory.
    """

    outcome: InspectionOutcome
    grade: Grade | None
    disposition: Disposition
    note: str = ""
    photos: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        missing = self.outcome == InspectionOutcome.MISSING
        if missing != (self.disposition == Disposition.MISSING) or missing != (self.grade is None):
            raise ValueError(
                "a piece that is missing, and only that, has no grade and goes nowhere"
            )
        if self.disposition == Disposition.RESTOCK and (
            self.grade == Grade.D or self.outcome == InspectionOutcome.WRONG_ITEM
        ):
            raise ValueError("what cannot be sold as the item does not go back into inventory")


#: What usually follows from what was found. What the seller investigates is kept until he decided.
USUAL: Mapping[InspectionOutcome, tuple[Grade | None, Disposition]] = {
    InspectionOutcome.AS_NEW: (Grade.A, Disposition.RESTOCK),
    InspectionOutcome.OPENED: (Grade.B, Disposition.RESTOCK),
    InspectionOutcome.DAMAGED_AS_DESCRIBED: (Grade.D, Disposition.DISCARD),
    InspectionOutcome.DAMAGED_UNDECLARED: (Grade.C, Disposition.QUARANTINE),
    InspectionOutcome.DAMAGED_IN_TRANSIT: (Grade.D, Disposition.QUARANTINE),
    InspectionOutcome.WRONG_ITEM: (Grade.D, Disposition.QUARANTINE),
    InspectionOutcome.MISSING: (None, Disposition.MISSING),
}


def usual(outcome: InspectionOutcome, note: str = "", photos: tuple[Picture, ...] = ()) -> Piece:
    """A piece of which nothing is said but what was found."""
    grade, disposition = USUAL[outcome]
    return Piece(outcome, grade, disposition, note, photos)
