"""Reports of numbers nobody knows: quiet for an hour, then a task for each number (R22, R33)."""

from datetime import timedelta
from typing import Any

import pytest

from logistics import workflow
from logistics.models import Anomaly, Courier, Parcel, TrackingEvent
from logistics.models.desk import ITSELF
from logistics.workflow import unmatched
from returns.machine import NotNow
from returns.models import Case
from returns.states import State
from tests.logistics.story import DAY, HOUR, T0, awaiting, odd, parcel_of, tell

pytestmark = pytest.mark.django_db
NUMBER = "BA100000007FR"
MINUTE = timedelta(minutes=1)


def la_poste() -> Courier:
    return Courier.objects.get(slug="la-poste-fr")


def stray(event_id: str, number: str = NUMBER, **more: Any) -> None:
    at = more.pop("at", T0)
    told = {"event_id": event_id, "tracking_number": number, "code": "in_transit"}
    told |= {"occurred_at": at.isoformat(), **more}
    assert tell(la_poste(), "tracking.updated", told, at=at) == ["unmatched"]


def watched(at: Any) -> list[Anomaly]:
    while workflow.watch_unmatched(50, at=at):
        pass
    return list(Anomaly.objects.open().order_by("id"))


def numbered(number: str = NUMBER) -> Case:
    case = awaiting()
    Parcel.objects.filter(pk=parcel_of(case).pk).update(tracking_number=number)
    return case


def test_an_early_report_makes_no_noise_for_an_hour() -> None:
    stray("e1")
    assert watched(T0 + HOUR - MINUTE) == []
    (found,) = watched(T0 + HOUR)
    assert (found.code, found.number, found.courier) == ("unmatched", NUMBER, la_poste())
    assert found.text == (
        f"La Poste reports {NUMBER}, a number no parcel of it bears. "
        "First told on 2 March 2026, 10:00 UTC."
    )


def test_reports_of_one_number_are_one_task() -> None:
    for n in range(5):
        stray(f"e{n}", at=T0 + n * MINUTE)
    stray("other", "BA100000015FR")
    assert {each.number for each in watched(T0 + 2 * HOUR)} == {NUMBER, "BA100000015FR"}
    assert len(watched(T0 + 3 * HOUR)) == 2


def test_it_closes_by_itself_when_its_parcel_is_found() -> None:
    stray("e1")
    watched(T0 + 2 * HOUR)
    case = numbered()
    workflow.project_due(10, at=T0 + 3 * HOUR)
    assert watched(T0 + 3 * HOUR) == []
    assert Anomaly.objects.get().closed_by == ITSELF
    case.refresh_from_db()
    assert case.state == State.IN_TRANSIT


def test_what_a_person_closed_as_junk_does_not_come_again() -> None:
    stray("e1")
    (found,) = watched(T0 + 2 * HOUR)
    workflow.close_anomaly(found, by="ann", why="Another shop's parcel.", at=T0 + 2 * HOUR)
    stray("e2", at=T0 + DAY)
    assert watched(T0 + 2 * DAY) == []


def test_after_two_weeks_it_is_no_longer_matched_but_stays_until_a_person_assigns_it() -> None:
    stray("e1")
    stray("e2", at=T0 + HOUR, code="out_for_delivery")
    (found,) = watched(T0 + 2 * HOUR)
    case, later = numbered(), T0 + 15 * DAY
    workflow.project_due(10, at=later)
    assert watched(later) == [found]
    parcel = parcel_of(case)
    assert workflow.assign_reports(found, parcel, by="ann", why="She saw it.", at=later) == 2
    workflow.project_due(10, at=later)
    case.refresh_from_db()
    assert case.state == State.IN_TRANSIT
    assert watched(later) == []
    found.refresh_from_db()
    assert (found.closed_by, found.closed_why) == ("ann", f"Assigned to {parcel}: She saw it.")
    assert case.entries.filter(by="ann", text__contains="2 reports of").exists()
    with pytest.raises(NotNow):
        workflow.assign_reports(found, parcel, by="ann", why="Again.", at=later)


def test_reports_go_to_a_parcel_of_the_same_courier_only_and_with_a_reason() -> None:
    stray("e1")
    (found,) = watched(T0 + 2 * HOUR)
    abroad = parcel_of(awaiting("PL"))
    with pytest.raises(ValueError, match="another courier"):
        workflow.assign_reports(found, abroad, by="ann", why="Perhaps.", at=T0 + DAY)
    with pytest.raises(ValueError, match="reason"):
        workflow.assign_reports(found, parcel_of(awaiting()), by="ann", why=" ", at=T0 + DAY)
    assert not TrackingEvent.objects.filter(parcel__isnull=False).exists()


def test_a_flood_of_junk_numbers_does_not_drown_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unmatched, "MOST", 5)  # a hundred would only be slower
    for n in range(12):
        stray(f"e{n}", f"JUNK{n:04}")
    assert workflow.watch_unmatched(5, at=T0 + HOUR) == 5
    codes = [each.code for each in watched(T0 + HOUR)]
    assert sorted(codes) == ["unmatched"] * 5 + ["unmatched-many"]
    for found in Anomaly.objects.open().filter(code="unmatched"):
        workflow.close_anomaly(found, by="ann", why="Junk.", at=T0 + HOUR)
    assert len(watched(T0 + 2 * HOUR)) == 6


def test_a_report_a_year_after_the_label_is_not_of_this_parcel() -> None:
    case = numbered()
    year = T0 + timedelta(days=366)
    stray("late", at=year)
    workflow.project_due(10, at=year)
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN
    (found,) = watched(year + HOUR)
    assert "the number may have come back" in found.text
    assert odd(parcel_of(case)) == []


def test_a_void_of_what_never_came_and_an_unknown_van_are_named_as_such() -> None:
    void = {"event_id": "v", "voids": "never"}
    van = {"event_id": "p", "pickup_id": "pk-1", "reason": "capacity"}
    assert tell(la_poste(), "tracking.voided", void, at=T0) == ["unmatched"]
    assert tell(la_poste(), "pickup.rejected", van, at=T0) == ["unmatched"]
    texts = [found.text for found in watched(T0 + HOUR)]
    assert [text.split(". First")[0] for text in texts] == [
        "La Poste takes back report never, which never came",
        "La Poste speaks of pick-up pk-1, which we never asked for",
    ]
