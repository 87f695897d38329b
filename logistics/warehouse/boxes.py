"""What a hand scanner read, and which box that is: all cases that travel under one number."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from logistics.models import Inspection, Parcel
from logistics.states import LabelState
from logistics.workflow.holding import carrying
from returns.models import Case
from returns.states import State

#: A hand scanner reads no more, and nobody types so much.
LONGEST = 300
#: What some scanners send in front: which kind of code it was ("]C1", "]Q3").
_KIND = re.compile(r"\A\][A-Za-z][0-9]")
_PART = re.compile(r"[A-Z0-9]{4,40}")
#: Who is expected in a box, or lies in it.
_EXPECTED = (State.AWAITING_RETURN, State.IN_TRANSIT, State.INSPECTING)


class Unread(Exception):
    """A scan that leads nowhere; its sentence says what would."""


def read(code: str) -> list[str]:
    """What numbers a scan may hold: all of it, and each part of a QR text or an address.

    Blanks, control characters (GS among them) and small letters do not count. A scanner that types
    for another keyboard sends other signs between the parts.
    """
    shown = "".join(c for c in code[:LONGEST] if c.isprintable() and not c.isspace())
    whole = _KIND.sub("", shown).upper()
    return list(dict.fromkeys(part for part in (whole, *_PART.findall(whole)) if part))


@dataclass(frozen=True)
class Content:
    """One case's part of a box, and what is to be done with it."""

    parcel: Parcel
    case: Case
    inspection: Inspection | None

    @property
    def todo(self) -> str:
        """`receive`, `inspect`, `done`, or nothing where `trouble` says why."""
        if self.inspection:
            return "done"
        if self._taken_back or not self._awaited:
            return ""
        if self.parcel.received_at is None:
            return "receive"
        return "inspect" if self.case.state == State.INSPECTING else ""

    @property
    def trouble(self) -> str:
        """Why nothing is to be done, in a sentence."""
        if self.todo:
            return ""
        number, state = self.case.number, State(self.case.state).label
        if self._taken_back:
            word = LabelState(self.parcel.label).label.lower()
            return f"This label is {word}. Put the box aside for support."
        if self.parcel.received_at:
            return f"{number} was received already and waits for no inspection: it is “{state}”."
        if self.case.over:
            ended = self.case.get_resolution_display()
            return f"{number} is closed: {ended.lower()}. Put the box aside for support."
        return f"{number} is not expected here: it is “{state}”. Put the box aside for support."

    @property
    def _taken_back(self) -> bool:
        void = (LabelState.VOIDED, LabelState.EXPIRED)
        return self.parcel.label in void and self.parcel.received_at is None

    @property
    def _awaited(self) -> bool:
        case = self.case
        if case.state == State.ESCALATED:
            return case.handed_over_at is not None and case.received_at is None
        # Passed unseen after the courier's word: the box itself is still to come.
        passed = case.state == State.REFUND_PENDING and case.received_at is not None
        return case.state in _EXPECTED or (passed and self.parcel.received_at is None)


@dataclass(frozen=True)
class Box:
    """A box as it lies on the table: the parcel whose number it bears, and all cases inside."""

    parcel: Parcel
    contents: tuple[Content, ...]

    @property
    def to_receive(self) -> list[Content]:
        """Not received yet."""
        return [content for content in self.contents if content.todo == "receive"]

    @property
    def to_inspect(self) -> list[Content]:
        """Received, not inspected yet."""
        return [content for content in self.contents if content.todo == "inspect"]


def find(code: str) -> list[Box]:
    """The boxes a scan may mean: one, or one for each courier with this number. Raises Unread."""
    numbers = read(code)
    if not numbers:
        raise Unread("Nothing was scanned. Scan the label, or type the number under its bars.")
    known = _parcels(Q(tracking_number__in=numbers))
    case = Case.objects.filter(number__in=numbers).first()
    if case:
        travels = carrying(list(case.parcels.order_by("id")))
        if travels is None:
            state = State(case.state).label
            raise Unread(f"{case} has no parcel: it is “{state}”. Put the box aside for support.")
        # The number of the case says which courier's parcel is meant.
        roots = {travels.found_in_id or travels.pk}
    else:
        roots = {parcel.found_in_id or parcel.pk for parcel in known}
    if not roots:
        raise Unread(f"“{numbers[0][:60]}” is not known here. Scan again, or type the RMA number.")
    boxes = {box.parcel.pk: box for box in map(box_of, sorted(roots))}
    return list({_key(box.parcel): box for box in boxes.values()}.values())


def box_of(pk: int) -> Box:
    """The box that bears this parcel's label. Raises Parcel.DoesNotExist."""
    asked = Parcel.objects.select_related("found_in").get(pk=pk)
    root = asked.found_in or asked
    same = _parcels(Q(tracking_number=root.tracking_number))
    inside = [parcel for parcel in same if _key(parcel.found_in or parcel) == _key(root)]
    found = {each.parcel_id: each for each in _inspections(inside)}
    contents = (Content(each, each.case, found.get(each.pk)) for each in inside)
    return Box(min(inside, key=lambda parcel: parcel.pk), tuple(contents))


def _parcels(which: Q) -> list[Parcel]:
    rows = Parcel.objects.filter(which).select_related(
        *("found_in", "case__line", "case__order", "case__buyer", "case__policy")
    )
    return list(rows.prefetch_related("case__evidence").order_by("id"))


def _inspections(parcels: Iterable[Parcel]) -> Iterable[Inspection]:
    rows = Inspection.objects.filter(parcel__in=[parcel.pk for parcel in parcels])
    return rows.prefetch_related("items__photos")


def _key(parcel: Parcel) -> tuple[int | None, str, str]:
    """Two couriers may use one number; a buyer's own is told apart by its name."""
    name = "" if parcel.courier_id else parcel.courier_name.casefold()
    return parcel.courier_id, name, parcel.tracking_number
