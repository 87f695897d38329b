"""The cities of R21's countries: which there are, what they are called, what time they keep."""

from zoneinfo import available_timezones

import pytest

from logistics import cities
from logistics.models import City, CourierService

pytestmark = pytest.mark.django_db


def test_each_country_of_r21_has_about_ten_cities() -> None:
    for country in CourierService.objects.values_list("country", flat=True):
        assert 10 <= City.objects.filter(country=country).count() <= 12, country


def test_wide_countries_keep_more_than_one_time_and_every_zone_is_known() -> None:
    for country in ("AU", "CA", "US", "MX", "CL"):
        there = City.objects.filter(country=country)
        assert there.values("time_zone").distinct().count() > 1, country
    assert set(City.objects.values_list("time_zone", flat=True)) <= available_timezones()


def test_a_region_keeps_one_time_so_an_address_has_one_where_its_city_is_not_known() -> None:
    zones = dict[tuple[str, str], set[str]]()
    for country, region, zone in City.objects.values_list("country", "region", "time_zone"):
        if region:
            zones.setdefault((country, region), set()).add(zone)
    assert {len(found) for found in zones.values()} == {1}
    # These keep another time than the rest of their region.
    odd = City.objects.filter(name__in=["Broken Hill", "Hanga Roa"])
    assert {city.region for city in odd} == {""}


@pytest.mark.parametrize(
    ("country", "typed", "name"),
    [
        ("PL", "krakow", "Kraków"),
        ("PL", "  LODZ ", "Łódź"),
        ("PL", "Warsaw", "Warszawa"),
        ("CH", "st gallen", "St. Gallen"),
        ("CA", "St Johns", "St. John's"),
        ("GB", "newcastle-upon-tyne", "Newcastle upon Tyne"),
        ("JP", "東京", "Tokyo"),
        ("KR", "서울", "Seoul"),
        ("AE", "دبي", "Dubai"),
    ],
)
def test_a_city_is_found_by_what_people_type(country: str, typed: str, name: str) -> None:
    assert City.objects.called(country, typed).get().name == name


@pytest.mark.parametrize("typed", ["", "|", " - ", "Nowhere", "%", "a" * 10_000, "\ud800"])
def test_nonsense_is_no_city(typed: str) -> None:
    assert not City.objects.called("PL", typed).exists()


def test_a_city_of_another_country_is_not_found() -> None:
    assert not City.objects.called("DE", "Warsaw").exists()


def test_planting_again_keeps_what_staff_changed_and_brings_back_what_is_missing() -> None:
    City.objects.filter(name="Lyon").update(lat=45.0)
    City.objects.filter(name="Nice").delete()
    before = City.objects.count()
    cities.plant(City.objects)
    assert City.objects.get(name="Lyon").lat == 45.0
    assert City.objects.filter(name="Nice").exists()
    assert City.objects.count() == before + 1


def test_what_staff_call_a_city_is_kept_as_it_is_looked_for() -> None:
    city = City(country="FR", name="Orléans", names="Cité d'Orléans | ", lat=47.9, lon=1.9)
    city.clean()
    assert city.names == "|orleans|cite dorleans|"
