"""A window of a van as the shop reads it, and the answer to who wants a full one (R23)."""

from typing import TypedDict

from backoffice.problems import Refused
from backoffice.shop.case_json import moment
from logistics.policy import FEW, Slot
from logistics.workflow import WindowFull

#: Of the free windows so many are told to who may not have the one asked for.
TOLD = 30


class SlotJson(TypedDict):
    """A window that can be booked: local time, the same in UTC, and whether there is room."""

    date: str
    start: str
    end: str
    starts_at: str
    ends_at: str
    book_before: str
    places: str


def slot_json(slot: Slot) -> SlotJson:
    """`places` is `free`, `few` or `none`: how many exactly is the courier's business."""
    return {
        "date": slot.window.date.isoformat(),
        "start": f"{slot.window.start:%H:%M}",
        "end": f"{slot.window.end:%H:%M}",
        "starts_at": moment(slot.starts_at),
        "ends_at": moment(slot.ends_at),
        "book_before": moment(slot.cut_off_at),
        "places": "free" if slot.left > FEW else "few" if slot.left else "none",
    }


def window_full(refusal: WindowFull) -> Refused:
    """Somebody was faster: which windows are free."""
    free = [slot_json(slot) for slot in refusal.free[:TOLD]]
    return Refused(409, "window-full", "That window is full", str(refusal), free=free)
