"""The parcel's page and the worklist: why a parcel is stuck, and what a person does about it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from logistics import workflow
from logistics.models import Anomaly, Courier, Parcel
from returns.models import Case
from returns.states import Actor, State
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, odd, parcel_of, report, tell

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doors read one clock; here it shows the tenth day."""
    monkeypatch.setattr("returns.clock.now", lambda: T0 + 10 * DAY)


@pytest.fixture
def desk(client: Client) -> Client:
    """Somebody who may look at logistics and work at the desk, and no more."""
    return person(client, "work_anomalies")


def person(client: Client, *more: str) -> Client:
    user = User.objects.create_user("dora", is_staff=True)
    for permission in Permission.objects.filter(content_type__app_label="logistics"):
        if permission.codename.startswith("view_") or permission.codename in more:
            user.user_permissions.add(permission)
    client.force_login(user)
    return client


def page_of(client: Client, row: Parcel | Anomaly) -> str:
    name = f"admin:logistics_{row._meta.model_name}_change"
    answer = client.get(reverse(name, args=[row.pk]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def late_scan() -> Parcel:
    """Delivered, then scanned once more: one thing is set aside."""
    parcel = parcel_of(awaiting())
    for day, code in enumerate(("dropped_off", "delivered", "in_transit"), start=1):
        event_id, where = f"{code}-{parcel.pk}", {"city": "Lyon"}
        report(parcel, code, at=T0 + day * DAY, event_id=event_id, location=where)
    return parcel_of(parcel.case)


def own_parcel() -> Parcel:
    case = make.case_at(State.AWAITING_RETURN, free_return=False)
    return workflow.register_own_parcel(
        case,
        courier_name="Hermes",
        tracking_number="H1234567",
        registered=True,
        postage=make.Decimal("7.00"),
        at=T0,
    )


NEWS = {
    "code": "in_transit",
    "occurred_at": "2026-03-10T08:30",
    "place": "Lyon",
    "source": "https://hermes.example/H1234567",
    "why": "The buyer asked.",
}


def test_the_page_says_first_why_the_parcel_is_stuck(desk: Client) -> None:
    shown = page_of(desk, late_scan())
    assert "Delivered according to the courier 8 days ago, not yet scanned by the ware" in shown
    assert "One thing was set aside for a person: “In Transit” of 5 March" in shown
    for words in ("Label made", "Dropped Off", "Lyon", "Set aside", "after-delivered"):
        assert words in shown


def test_what_was_taken_back_is_struck_through(desk: Client) -> None:
    parcel = parcel_of(awaiting())
    report(parcel, "dropped_off", at=T0 + DAY, event_id="wrong")
    assert parcel.courier is not None
    tell(parcel.courier, "tracking.voided", {"event_id": "v", "voids": "wrong"}, at=T0 + 2 * DAY)
    assert "<s>Dropped Off</s>" in page_of(desk, parcel)


def test_nothing_a_courier_sends_is_markup_on_the_page(desk: Client) -> None:
    parcel = parcel_of(awaiting())
    bad = "<script>alert(1)</script>"
    report(parcel, "dropped_off", at=T0 + DAY, note=bad, location={"city": bad})
    shown = page_of(desk, parcel)
    assert bad not in shown
    assert "&lt;script&gt;" in shown


def test_who_may_only_look_has_no_buttons_and_no_doors(client: Client) -> None:
    person(client)
    parcel = late_scan()
    shown = page_of(client, parcel)
    assert "Report by hand" not in shown
    assert "Record receipt" not in shown
    found = Anomaly.objects.get()
    doors = [
        reverse("admin:logistics_parcel_again", args=[parcel.pk]),
        reverse("admin:logistics_parcel_receive", args=[parcel.pk]),
        reverse("admin:logistics_parcel_report", args=[parcel.pk]),
        reverse("admin:logistics_anomaly_close") + f"?ids={found.pk}",
        reverse("admin:logistics_anomaly_assign") + f"?ids={found.pk}",
    ]
    for door in doors:
        assert client.post(door, {**NEWS, "why": "Because."}).status_code == 403
    found.refresh_from_db()
    assert found.closed_at is None


def test_a_stranger_is_led_to_the_login(client: Client) -> None:
    parcel = late_scan()
    for name in ("again", "receive", "report"):
        answer = client.post(reverse(f"admin:logistics_parcel_{name}", args=[parcel.pk]))
        assert answer.status_code == 302
        assert "login" in answer["Location"]


def test_receipt_is_recorded_by_whoever_may_receive(client: Client) -> None:
    person(client, "receive_parcel")
    parcel = late_scan()
    client.post(reverse("admin:logistics_parcel_receive", args=[parcel.pk]))
    parcel.refresh_from_db()
    assert parcel.received_at == T0 + 10 * DAY


def test_news_of_a_carrier_that_is_no_partner_are_typed_in_r22_r24(desk: Client) -> None:
    parcel = own_parcel()
    before = Case.objects.get(pk=parcel.case_id).deadline_at
    assert before is not None
    answer = desk.post(reverse("admin:logistics_parcel_report", args=[parcel.pk]), NEWS)
    assert answer.status_code == 302
    parcel.refresh_from_db()
    case = Case.objects.get(pk=parcel.case_id)
    assert (parcel.last_news_at, parcel.state) == (T0 + 8 * DAY - 90 * HOUR / 60, "in_transit")
    assert case.deadline_at is not None
    assert case.deadline_at > before
    scan = case.entries.order_by("-id")[0]
    assert scan.text == "In Transit, Lyon (typed in by dora: https://hermes.example/H1234567)"
    shown = page_of(desk, parcel)
    assert "dora, by hand" in shown
    assert "no partner of ours" in shown


def test_the_same_news_twice_and_senseless_news_are_answered_on_the_form(desk: Client) -> None:
    parcel = own_parcel()
    door = reverse("admin:logistics_parcel_report", args=[parcel.pk])
    assert desk.post(door, NEWS).status_code == 302
    wrong = [
        (NEWS, "typed in before"),
        ({**NEWS, "code": "label_created"}, "Select a valid choice"),
        ({**NEWS, "occurred_at": "2030-01-01T00:00"}, "not in the future"),
        ({**NEWS, "occurred_at": "2020-01-01T00:00"}, "after the parcel was registered"),
        ({**NEWS, "occurred_at": "soon"}, "valid date"),
        ({**NEWS, "why": " "}, "required"),
    ]
    for said, why in wrong:
        answer = desk.post(door, said)
        assert answer.status_code == 200
        assert why in answer.content.decode()
    assert parcel.events.count() == 1


def test_what_was_typed_in_by_mistake_is_taken_back_and_stays_readable(desk: Client) -> None:
    parcel = own_parcel()
    desk.post(reverse("admin:logistics_parcel_report", args=[parcel.pk]), NEWS)
    event = parcel.events.get()
    door = reverse("admin:logistics_parcel_take_back", args=[parcel.pk, event.pk])
    assert door in page_of(desk, parcel)
    assert desk.post(door, {"why": "The wrong parcel."}).status_code == 302
    assert "<s>In Transit</s>" in page_of(desk, parcel)
    assert "typed in before" in desk.post(door, {"why": "Again."}).content.decode()


def test_the_courier_delivers_a_parcel_typed_in_and_it_is_inspected_r22(desk: Client) -> None:
    parcel = own_parcel()
    desk.post(
        reverse("admin:logistics_parcel_report", args=[parcel.pk]), {**NEWS, "code": "delivered"}
    )
    assert Case.objects.get(pk=parcel.case_id).state == State.INSPECTING


# The worklist -------------------------------------------------------------------------------------


def worklist(client: Client, **query: Any) -> str:
    answer = client.get(reverse("admin:logistics_anomaly_changelist"), query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def act(client: Client, action: str, *chosen: Anomaly) -> Any:
    said = {"action": action, "_selected_action": [each.pk for each in chosen]}
    return client.post(reverse("admin:logistics_anomaly_changelist"), said)


def test_the_list_shows_what_is_open_with_counts_and_one_click_to_the_parcel(desk: Client) -> None:
    parcel = late_scan()
    shown = worklist(desk)
    assert "<strong>1</strong> after-delivered" in shown
    assert reverse("admin:logistics_parcel_change", args=[parcel.pk]) in shown
    found = Anomaly.objects.get()
    workflow.close_anomaly(found, by="ann", why="An empty box.", at=T0)
    assert "came after the delivery" not in worklist(desk)
    assert "closed by ann: An empty box." in worklist(desk, stand="closed")
    for nonsense in ({"stand": "x"}, {"whose": "x"}, {"code": "x"}, {"p": "99"}):
        desk.get(reverse("admin:logistics_anomaly_changelist"), nonsense)


def test_many_are_closed_with_one_reason_and_none_without(desk: Client) -> None:
    late_scan()
    late_scan()
    chosen = list(Anomaly.objects.all())
    ask = act(desk, "close", *chosen)["Location"]
    assert "2 will be closed" in desk.get(ask).content.decode()
    assert "required" in desk.post(ask, {"why": ""}).content.decode()
    assert Anomaly.objects.open().count() == 2
    assert desk.post(ask, {"why": "Scans of empty boxes."}).status_code == 302
    assert set(Anomaly.objects.values_list("closed_by", "closed_why")) == {
        ("dora", "Scans of empty boxes.")
    }


def test_replay_resolves_what_is_true_no_more(desk: Client) -> None:
    case = awaiting()
    late = T0 + 11 * DAY
    make.workflow.lapse(case, at=late)
    report(parcel_of(case), "dropped_off", at=late, occurred_at=T0 + 9 * DAY)
    assert odd(parcel_of(case)) == ["not-handed-over"]
    make.workflow.reopen(case, why="It was on its way.", by=make.staff(), at=late)
    act(desk, "replay", *Anomaly.objects.all())
    workflow.project_due(10, at=late)
    assert odd(parcel_of(case)) == []


def test_reports_of_an_unknown_number_are_given_to_a_parcel(desk: Client) -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    told = {
        "event_id": "e",
        "tracking_number": "BA1",
        "code": "dropped_off",
        "occurred_at": (T0 + DAY).isoformat(),
    }
    tell(courier, "tracking.updated", told, at=T0 + DAY)
    workflow.watch_unmatched(10, at=T0 + 2 * DAY)
    found = Anomaly.objects.get()
    assert "e dropped_off" in page_of(desk, found)
    parcel = parcel_of(awaiting())
    ask = act(desk, "assign", found)["Location"]
    for wrong in ("nothing", "BA1"):
        answer = desk.post(ask, {"parcel": wrong, "why": "A misprint."})
        assert "No parcel and no return has the number" in answer.content.decode()
    said = {"parcel": parcel.tracking_number.lower(), "why": "A misprint."}
    assert desk.post(ask, said).status_code == 302
    workflow.project_due(10, at=T0 + 2 * DAY)
    assert Case.objects.get(pk=parcel.case_id).state == State.IN_TRANSIT


def test_who_takes_it_is_named_and_finds_it_again(desk: Client) -> None:
    late_scan()
    act(desk, "take", *Anomaly.objects.all())
    assert "came after the delivery" in worklist(desk, whose="mine")
    assert "came after the delivery" not in worklist(desk, whose="nobody")


def test_nonsense_asked_of_the_pages_is_no_error(desk: Client) -> None:
    for ids in ("", "x", "-1", "9" * 30, "1,,2", "²"):
        answer = desk.get(reverse("admin:logistics_anomaly_close"), {"ids": ids, "parcel": "²"})
        assert answer.status_code == 200
    assert desk.get(reverse("admin:logistics_parcel_report", args=[999])).status_code == 404


def test_the_list_is_paged_and_takes_a_handful_of_queries_however_long(desk: Client) -> None:
    late_scan()
    parcel = late_scan()
    row = {"code": "after-delivered", "text": "A late scan.", "at": T0, "parcel": parcel}
    for n in range(60):
        workflow.raise_anomaly(f"k{n}", courier=parcel.courier, **row)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        shown = worklist(desk)
    assert len(queries) <= 12
    assert shown.count('class="field-what') == 50


def test_the_page_of_a_parcel_takes_a_handful_of_queries(desk: Client) -> None:
    parcel = late_scan()
    make.workflow.note(parcel.case, text="x", at=T0, actor=Actor.SUPPORT)
    with CaptureQueriesContext(connection) as queries:
        page_of(desk, parcel)
    assert len(queries) <= 15
