"""R21: the source's two tables are there, and what staff changed stays."""

import pytest

from logistics import partners, workflow
from logistics.models import City, Courier, CourierService, DropOffPoint, NumberRange
from returns.states import Handover, TermsOutcome

pytestmark = pytest.mark.django_db

DROP_OFF = {"AU", "CA", "CL", "FR", "IL", "IT", "MX", "PL", "GB", "US"}
PICKUP = {"CZ", "JP", "KR", "CH", "AE"}


def plant() -> None:
    partners.plant(
        couriers=Courier.objects,
        services=CourierService.objects,
        ranges=NumberRange.objects,
        points=DropOffPoint.objects,
    )


def test_every_country_of_the_tables_is_served_by_its_way_r21() -> None:
    served = set(CourierService.objects.values_list("country", "method"))
    expected = {(country, "drop_off") for country in DROP_OFF}
    assert served == expected | {(country, "pickup") for country in PICKUP}


def test_contacts_are_printed_as_the_source_has_them_with_its_lost_cells() -> None:
    contacts = dict(Courier.objects.values_list("slug", "contact"))
    assert contacts["inpost-pl"] == "722 444 000 / +48 746 600 000"
    assert contacts["australia-post-au"] == "… 8847 9045"
    assert contacts["israel-post-il"] == "…"


def test_each_country_has_points_in_about_ten_cities_and_all_are_as_staff_could_enter_them() -> (
    None
):
    for country in DROP_OFF | PICKUP:
        there = DropOffPoint.objects.filter(country=country)
        cities = set(there.values_list("city", flat=True))
        assert 10 <= len(cities) <= 12, country
        known = dict(City.objects.filter(country=country).values_list("name", "time_zone"))
        assert cities == set(known)
        for point in there:
            point.full_clean()
            assert point.time_zone == known[point.city]


def test_inposts_points_are_lockers_that_take_parcels_at_all_hours() -> None:
    lockers = DropOffPoint.objects.filter(courier__slug="inpost-pl")
    kinds = lockers.values_list("kind", "opening_hours", "takes_parcels").distinct()
    assert list(kinds.order_by()) == [("locker", "24/7", True)]


def test_what_staff_said_of_a_point_stays_and_what_nobody_said_is_filled_in() -> None:
    points = DropOffPoint.objects.filter(code="NYC01")
    points.update(postal_code="", time_zone="UTC", name="The big one")
    plant()
    assert points.get().name == "The big one"
    assert (points.get().postal_code, points.get().time_zone) == ("10001", "America/New_York")


def test_planting_again_keeps_what_staff_changed_and_brings_back_what_is_missing() -> None:
    Courier.objects.filter(slug="usps-us").update(contact="ask Ann")
    DropOffPoint.objects.filter(code="NYC01").delete()
    before = CourierService.objects.count()
    plant()
    assert Courier.objects.get(slug="usps-us").contact == "ask Ann"
    assert DropOffPoint.objects.filter(code="NYC01").exists()
    assert CourierService.objects.count() == before


@pytest.mark.parametrize(
    ("country", "terms", "ways"),
    [
        ("FR", TermsOutcome.FREE, [Handover.DROP_OFF]),
        ("CZ", TermsOutcome.FREE, [Handover.PICKUP]),
        ("DE", TermsOutcome.FREE, [Handover.OWN_COURIER]),
        ("FR", TermsOutcome.BUYER_PAYS, [Handover.OWN_COURIER]),
        ("FR", TermsOutcome.NOT_POSSIBLE, []),
    ],
)
def test_the_ways_to_hand_over_follow_terms_and_country_r20_r22(
    country: str, terms: TermsOutcome, ways: list[Handover]
) -> None:
    assert workflow.options_in(country, terms) == ways


def test_a_suspended_courier_serves_nobody_r21() -> None:
    Courier.objects.filter(slug="la-poste-fr").update(active=False)
    assert workflow.options_in("FR", TermsOutcome.FREE) == [Handover.OWN_COURIER]
