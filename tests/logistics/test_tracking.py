"""Many reports, one parcel: told in any order and twice, voided, contradictory, R24."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.tracking import (
    FINAL,
    PAPERWORK,
    SCANS,
    STATES,
    ParcelState,
    ParcelView,
    Scan,
    TrackingCode,
    TrackingReason,
    project,
)

LABEL = datetime(2026, 11, 20, 9, tzinfo=UTC)


def hour(hours: float) -> datetime:
    return LABEL + timedelta(hours=hours)


def scan(
    event_id: str,
    code: str,
    hours: float,
    reason: TrackingReason | None = None,
    voids: str | None = None,
) -> Scan:
    return Scan(event_id, TrackingCode(code), hour(hours), reason, voids)


def view(*events: Scan) -> ParcelView:
    """The one result of every order of these events, each told twice."""
    views = {project([*order, *order], LABEL) for order in permutations(events)}
    assert len(views) == 1
    return views.pop()


def test_there_are_twenty_codes_and_fifteen_reasons() -> None:
    assert len(TrackingCode) == 20
    assert len(TrackingReason) == 15


def test_every_code_but_two_says_where_the_parcel_is() -> None:
    assert set(TrackingCode) - set(STATES) == {TrackingCode.UNKNOWN, TrackingCode.DELAYED}
    assert set(STATES.values()) == set(ParcelState)
    assert not SCANS & PAPERWORK
    assert FINAL <= SCANS


def test_a_label_nobody_reported_on_is_only_labelled() -> None:
    assert project([], LABEL) == ParcelView(
        ParcelState.LABELLED, None, None, None, False, False, False, ()
    )


def test_a_parcel_travels_to_its_delivery() -> None:
    seen = view(
        scan("a", "label_created", 0),
        scan("b", "dropped_off", 5),
        scan("c", "in_transit", 9),
        scan("d", "out_for_delivery", 30),
        scan("e", "delivered", 33),
    )
    assert seen == ParcelView(
        ParcelState.DELIVERED, hour(5), hour(33), hour(33), False, False, False, ()
    )


def test_a_late_scan_after_delivery_is_an_anomaly_and_moves_nothing() -> None:
    seen = view(scan("a", "picked_up", 5), scan("b", "delivered", 33), scan("c", "in_transit", 34))
    assert (seen.state, seen.delivered_at) == (ParcelState.DELIVERED, hour(33))
    assert seen.anomalies == (("after-delivered", "c"),)


def test_every_report_after_delivery_is_an_anomaly_but_paperwork() -> None:
    seen = view(
        scan("a", "delivered", 3),
        scan("b", "in_transit", 4),
        scan("c", "expired", 5),
        scan("d", "in_transit", 6),
    )
    assert seen.anomalies == (("after-delivered", "b"), ("after-delivered", "d"))


def test_the_first_final_scan_wins() -> None:
    seen = view(scan("a", "returned_to_customer", 20), scan("b", "delivered", 30))
    assert (seen.state, seen.returned) == (ParcelState.RETURNED, True)
    assert seen.anomalies == (("after-returned-to-customer", "b"),)
    assert view(scan("a", "delivered", 20), scan("b", "returned_to_customer", 30)).returned is False


def test_a_voided_pick_up_never_happened() -> None:
    seen = view(
        scan("a", "pickup_scheduled", 1),
        scan("b", "picked_up", 5),
        scan("c", "unknown", 6, voids="b"),
        scan("d", "pickup_failed", 4, TrackingReason.COURIER_MISSED),
    )
    assert (seen.state, seen.first_scan_at) == (ParcelState.PICKUP_FAILED, None)
    assert seen.anomalies == ()


def test_a_voided_delivery_is_put_before_a_person() -> None:
    seen = view(
        scan("a", "in_transit", 5),
        scan("b", "delivered", 33),
        scan("c", "delivered", 34, voids="b"),
    )
    assert (seen.state, seen.delivered_at) == (ParcelState.IN_TRANSIT, None)
    assert seen.anomalies == (("final-voided", "b"),)


def test_a_void_of_something_never_told_is_an_anomaly_and_a_void_cannot_be_voided() -> None:
    seen = view(
        scan("a", "in_transit", 5), scan("b", "unknown", 6, voids="a"),
        scan("c", "unknown", 7, voids="b"), scan("d", "unknown", 8, voids="z"),
    )  # fmt: skip
    assert seen.state == ParcelState.LABELLED
    assert seen.anomalies == (("void-of-unknown", "c"), ("void-of-unknown", "d"))


@pytest.mark.parametrize("ended", ["expired", "cancelled"])
def test_an_ended_label_that_is_scanned_is_alive_again(ended: str) -> None:
    seen = view(scan("a", ended, 10), scan("b", "dropped_off", 12), scan("c", "in_transit", 14))
    assert seen.state == ParcelState.IN_TRANSIT
    assert seen.anomalies == ((f"after-{ended}", "b"),)
    assert view(scan("a", ended, 10)).state == ended


def test_paperwork_after_a_scan_does_not_stop_the_parcel() -> None:
    seen = view(scan("a", "dropped_off", 5), scan("b", "expired", 10))
    assert (seen.state, seen.last_news_at) == (ParcelState.IN_TRANSIT, hour(10))


def test_a_lost_parcel_can_be_found() -> None:
    lost = (scan("a", "dropped_off", 5), scan("b", "lost", 50))
    assert view(*lost).state == ParcelState.LOST
    assert view(*lost).lost is True
    found = view(*lost, scan("c", "in_transit", 60), scan("d", "delivered", 70))
    assert (found.state, found.lost, found.anomalies) == (ParcelState.DELIVERED, False, ())


def test_of_scans_in_the_same_second_the_later_in_life_counts() -> None:
    seen = view(
        scan("z", "picked_up", 5), scan("y", "in_transit", 5), scan("a", "out_for_delivery", 5)
    )
    assert seen.state == ParcelState.OUT_FOR_DELIVERY
    assert view(scan("z", "delivered", 5), scan("a", "in_transit", 5)).anomalies == ()


def test_a_delay_is_news_but_no_hand_over() -> None:
    seen = view(scan("a", "delayed", 5, TrackingReason.WEATHER))
    assert (seen.state, seen.first_scan_at) == (ParcelState.LABELLED, None)
    assert seen.last_news_at == hour(5)


def test_loss_and_trouble_are_not_a_hand_over_but_every_other_scan_is() -> None:
    assert view(scan("a", "lost", 5), scan("b", "exception", 6)).first_scan_at is None
    for code in SCANS:
        assert view(scan("a", code, 5)).first_scan_at == hour(5)


def test_a_late_report_moves_a_milestone_back_and_never_on() -> None:
    told = (scan("b", "in_transit", 8), scan("d", "delivered", 33))
    earlier = view(*told, scan("a", "dropped_off", 5), scan("c", "delivered", 32))
    later = view(*told, scan("y", "in_transit", 9), scan("z", "delivered", 34))
    assert (earlier.first_scan_at, earlier.delivered_at) == (hour(5), hour(32))
    assert (later.first_scan_at, later.delivered_at) == (hour(8), hour(33))


def test_damage_is_remembered_after_delivery() -> None:
    seen = view(scan("a", "exception", 8, TrackingReason.DAMAGED), scan("b", "delivered", 33))
    assert (seen.state, seen.damaged) == (ParcelState.DELIVERED, True)


def test_an_event_id_with_two_contents_is_an_anomaly_and_still_one_result() -> None:
    seen = view(scan("a", "in_transit", 5), scan("a", "delivered", 9))
    assert (seen.state, seen.anomalies) == (ParcelState.IN_TRANSIT, (("event-id-reused", "a"),))


def test_what_happened_before_the_label_or_is_not_understood_is_an_anomaly() -> None:
    seen = view(scan("a", "picked_up", -1), scan("b", "unknown", 3))
    assert seen.anomalies == (("before-label", "a"), ("unknown-code", "b"))
    assert (seen.state, seen.last_news_at) == (ParcelState.IN_TRANSIT, hour(3))


ids = st.sampled_from("abcdefgh")
scans = st.builds(
    Scan,
    event_id=ids,
    code=st.sampled_from(TrackingCode),
    occurred_at=st.integers(-2, 6).map(hour),
    reason=st.none() | st.sampled_from(TrackingReason),
    voids=st.none() | st.none() | ids,
    point=st.sampled_from(["", "WAW123M"]),
)


@given(st.lists(scans, max_size=10), st.data())
def test_any_order_with_any_repetition_gives_one_parcel(
    events: list[Scan], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    shuffled = data.draw(st.permutations(events + again))
    assert project(shuffled, LABEL) == project(events, LABEL)


@given(st.lists(scans.filter(lambda s: not s.voids), unique_by=lambda s: s.event_id), scans)
def test_more_news_never_moves_a_milestone_on(events: list[Scan], news: Scan) -> None:
    before = project(events, LABEL)
    after = project([*events, Scan("new", news.code, news.occurred_at, news.reason)], LABEL)
    for name in ("first_scan_at", "delivered_at"):
        if getattr(before, name):
            assert getattr(after, name) <= getattr(before, name)
    assert after.last_news_at is not None
    assert after.last_news_at >= (before.last_news_at or after.last_news_at)
