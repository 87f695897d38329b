"""How endpoints fare: degraded, probed, disabled, well again; and days of outage, by the clock."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pytest
from django.db.models import Min
from pytest_django import Settings

from logistics import outbox, workflow
from logistics.couriers import Answer, Fate
from logistics.models import (
    Anomaly,
    Courier,
    CourierEntry,
    Delivery,
    DeliveryAttempt,
    EndpointHealth,
)
from logistics.policy import Window
from logistics.retries import WAITS, wait_after
from logistics.states import MessageType
from logistics.workflow.endpoints import heard
from returns import clock
from returns.machine import NotNow
from tests import make
from tests.logistics.partner import Partner, partner_on_loopback
from tests.logistics.story import DAY, HOUR, T0, awaiting

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NO, YES = Answer(Fate.AGAIN, 503, "503 Service Unavailable"), Answer(Fate.TAKEN, 204)
WINDOW = Window(date(2026, 3, 4), time(9), time(12))
PROBE = EndpointHealth.PROBE_EVERY


@pytest.fixture
def partner(settings: Settings) -> Iterator[Partner]:
    settings.COURIERS_ON_LOOPBACK = True
    with partner_on_loopback() as told:
        yield told


def told(partner: Partner, *, labels: int = 1) -> Courier:
    """La Poste with so many labels to be told of."""
    courier = make.courier("la-poste-fr")
    Courier.objects.filter(pk=courier.pk).update(endpoint_url=partner.url)
    for _ in range(labels):
        awaiting("FR")
    return Courier.objects.get(pk=courier.pk)


def health(courier: Courier) -> EndpointHealth:
    return EndpointHealth.objects.get(courier=courier)


# States -------------------------------------------------------------------------------------------


def test_twenty_failures_in_a_row_make_an_endpoint_degraded() -> None:
    courier = make.courier()
    for n in range(19):
        heard(courier, NO, at=T0 + n * SECOND)
    assert (health(courier).state, health(courier).failures) == ("failing", 19)
    heard(courier, YES, at=T0 + MINUTE)
    assert (health(courier).state, health(courier).failing_since) == ("well", None)
    for n in range(20):
        heard(courier, NO, at=T0 + HOUR + n * SECOND)
    assert health(courier).state == "degraded"
    assert CourierEntry.objects.filter(courier=courier, what="endpoint_degraded").count() == 1


def test_an_hour_of_failures_makes_it_degraded_too() -> None:
    courier = make.courier()
    heard(courier, NO, at=T0)
    heard(courier, NO, at=T0 + HOUR - SECOND)
    assert health(courier).state == "failing"
    heard(courier, NO, at=T0 + HOUR)
    assert health(courier).state == "degraded"


def test_five_days_of_failures_disable_it_and_a_person_is_told() -> None:
    courier = make.courier()
    for hour in range(0, 120, 4):
        heard(courier, NO, at=T0 + hour * HOUR)
    assert health(courier).state == "degraded"
    heard(courier, NO, at=T0 + 5 * DAY)
    assert health(courier).state == "disabled"
    assert Anomaly.objects.open().get().code == "endpoint-disabled"
    assert "in a row" in health(courier).disabled_why


def test_a_clock_that_is_moved_disables_nothing() -> None:
    """From time alone nothing is concluded."""
    courier = make.courier()
    for month in range(19):
        heard(courier, NO, at=T0 + month * 30 * DAY)
    assert health(courier).state == "degraded"
    heard(courier, YES, at=T0 + 600 * DAY)
    assert health(courier).state == "well"


def test_a_courier_that_asks_to_stop_is_there(partner: Partner) -> None:
    courier = make.courier()
    heard(courier, Answer(Fate.ABORTED, 400), at=T0)
    assert health(courier).state == "well"


def test_410_closes_the_endpoint_and_the_rest_waits_until_it_is_enabled(partner: Partner) -> None:
    courier = told(partner)
    partner.status = 410
    outbox.deliver_due(50, at=T0)
    assert health(courier).state == "disabled"
    for _ in range(5):
        awaiting("FR")
    partner.status = 204
    assert outbox.deliver_due(50, at=T0 + 30 * DAY) == 0
    assert len(partner.heard) == 1
    workflow.enable_endpoint(courier, by="ann", at=T0 + 30 * DAY)
    assert outbox.deliver_due(50, at=T0 + 30 * DAY) == 5
    assert health(courier).state == "well"
    anomaly = Anomaly.objects.get()
    assert (anomaly.closed_by, anomaly.code) == ("ann", "endpoint-disabled")
    done = CourierEntry.objects.filter(courier=courier).order_by("id").values_list("what", "by")
    ours = [each for each in done if each[0].startswith("endpoint")]
    assert ours == [("endpoint_disabled", "by itself"), ("endpoint_enabled", "ann")]


def test_staff_disable_and_enable_with_a_reason(partner: Partner) -> None:
    courier = told(partner)
    with pytest.raises(ValueError, match="reason"):
        workflow.disable_endpoint(courier, by="ann", why=" ", at=T0)
    workflow.disable_endpoint(courier, by="ann", why="They move house.", at=T0)
    with pytest.raises(NotNow):
        workflow.disable_endpoint(courier, by="ann", why="Again.", at=T0)
    assert outbox.deliver_due(5, at=T0) == 0
    workflow.enable_endpoint(courier, by="ann", at=T0)
    with pytest.raises(NotNow):
        workflow.enable_endpoint(courier, by="ann", at=T0)
    assert outbox.deliver_due(5, at=T0) == 1


def test_what_is_on_the_wire_when_it_is_disabled_does_not_enable_it(partner: Partner) -> None:
    courier = told(partner)
    (on_the_wire,) = workflow.claim(courier.pk, at=T0)
    workflow.disable_endpoint(courier, by="ann", why="They move house.", at=T0)
    workflow.record(on_the_wire, YES, at=T0 + SECOND)
    assert health(courier).state == "disabled"


def test_for_a_van_a_closed_endpoint_is_no_excuse(partner: Partner) -> None:
    """R24: what waits there is given up before the van's hour, not kept until it is too late."""
    make.courier("ppl-cz")
    Courier.objects.filter(slug="ppl-cz").update(endpoint_url=partner.url)
    case = awaiting("CZ")
    booking = workflow.book_pickup(case, window=WINDOW, at=T0)
    workflow.disable_endpoint(booking.courier, by="ann", why="They move house.", at=T0)
    assert outbox.deliver_due(5, at=T0 + HOUR) == 0
    request = booking.deliveries.get()
    assert request.deliver_before is not None
    outbox.deliver_due(5, at=request.deliver_before)
    request.refresh_from_db()
    booking.refresh_from_db()
    assert (request.ending, booking.state, request.attempts) == ("expired", "failed", 0)
    assert Anomaly.objects.filter(code="late-for-the-van", pickup=booking).count() == 1


# Half open ----------------------------------------------------------------------------------------


def test_a_degraded_endpoint_is_probed_with_one_message_and_the_others_wait(
    partner: Partner,
) -> None:
    courier = told(partner, labels=26)
    partner.status = 503
    at = T0
    while health_or_none(courier) != "degraded":
        outbox.deliver_due(50, at=at)
        at += 10 * SECOND
    # Some of the four that were on the wire when the twentieth failed.
    assert 20 <= len(partner.heard) < 20 + workflow.IN_FLIGHT
    before = len(partner.heard)
    probed = health(courier).probe_at
    assert probed is not None
    assert outbox.deliver_due(50, at=probed - SECOND) == 0
    for n in range(3):
        assert outbox.deliver_due(50, at=probed + n * PROBE) == 1
    assert len(partner.heard) == before + 3
    untold = Delivery.objects.untold()
    assert untold.count() == 26
    assert sum(untold.values_list("attempts", flat=True)) == len(partner.heard)
    partner.status = 204
    assert outbox.deliver_due(50, at=probed + 3 * PROBE) > 1
    assert health(courier).state == "well"
    outbox.deliver_due(50, at=probed + DAY)
    assert not untold.exists()


def health_or_none(courier: Courier) -> str:
    found = EndpointHealth.objects.filter(courier=courier).first()
    return found.state if found else ""


# Days of outage, by the simulated clock -----------------------------------------------------------

OUTAGE = timedelta(hours=75)
COUNTRIES = "AU CA CL FR IL IT MX PL GB US CZ JP KR CH AE".split()  # noqa: SIM905


def expected_tries(message_id: str) -> list[datetime]:
    """When a message is tried that nobody takes, written at T0."""
    moments = [T0]
    for tries in range(1, len(WAITS) + 1):
        wait = wait_after(message_id, tries, soon=False)
        assert wait is not None
        moments.append(moments[-1] + wait)
    return moments


def test_after_75_hours_each_message_was_tried_by_schedule_and_is_told_or_dead(
    partner: Partner, settings: Settings
) -> None:
    settings.SIMULATION = True
    clock.set_to(T0)
    for courier in Courier.objects.all():
        make.courier(courier.slug)
    Courier.objects.update(endpoint_url=partner.url)
    for country in COUNTRIES:
        awaiting(country)
    partner.status = 503
    play(until=T0 + OUTAGE)
    partner.status = 204
    play(until=T0 + 2 * OUTAGE)
    outcomes = set()
    for delivery in Delivery.objects.all():
        planned = expected_tries(delivery.message_id)
        made = list(delivery.tried.values_list("at", flat=True))
        back = next((at for at in planned if at > T0 + OUTAGE), None)
        assert made == planned[: planned.index(back) + 1 if back else len(planned)]
        assert delivery.delivered_at == back
        assert delivery.dead_at == (None if back else planned[-1])
        assert delivery.ending == ("" if back else "exhausted")
        outcomes.add(bool(back))
    assert Delivery.objects.count() == len(COUNTRIES)
    assert len(partner.heard) == DeliveryAttempt.objects.count()
    assert True in outcomes
    assert not EndpointHealth.objects.exclude(disabled_at=None).exists()
    assert not Anomaly.objects.exists()


def play(*, until: datetime) -> None:
    """Step the clock from one moment at which something is due to the next."""
    while True:
        waiting = Courier.objects.filter(deliveries__in=Delivery.objects.untold())
        moments = [
            max(filter(None, (first, probe)))
            for first, probe in waiting.annotate(first=Min("deliveries__next_try_at")).values_list(
                "first", "health__probe_at"
            )
        ]
        moment = min(moments, default=until)
        if moment >= until:
            clock.set_to(max(until, clock.now()))
            return
        clock.set_to(max(moment, clock.now()))
        outbox.deliver(clock.now)


def test_a_day_without_its_courier_costs_a_probe_every_ten_minutes(
    partner: Partner, settings: Settings
) -> None:
    settings.SIMULATION = True
    clock.set_to(T0)
    courier = told(partner, labels=24)
    partner.status = 503
    play(until=T0 + DAY)
    probes = DAY // PROBE
    assert len(partner.heard) <= 20 + workflow.IN_FLIGHT + probes
    assert health(courier).state == "degraded"
    assert not Delivery.objects.filter(dead_at__isnull=False).exists()
    partner.status = 204
    play(until=T0 + 3 * DAY)
    assert not Delivery.objects.untold().exists()
    assert len({head["webhook-id"] for head, _ in partner.heard}) == 24
    assert Delivery.objects.filter(type=MessageType.LABEL_CREATED, ending="").count() == 24
