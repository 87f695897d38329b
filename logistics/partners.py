"""R21's two tables, and drop-off points to begin with: planted by migrations, repeatable.

What is there already is left alone: staff may have changed it. `…` marks cells the source's print
lost. The points are made up; real ones are imported.
"""

import csv
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from logistics.cities import CITIES

POINTS = Path(__file__).parent / "data" / "points.csv"

# slug | name | contact | country | time zone | method
_COURIERS = """
australia-post-au|Australia Post|… 8847 9045|AU|Australia/Sydney|drop_off
neighborhood-ca|Neighborhood …|800-683-5708|CA|America/Toronto|drop_off
correos-cl|Correos de Chile|… 229560303|CL|America/Santiago|drop_off
la-poste-fr|La Poste|3631|FR|Europe/Paris|drop_off
israel-post-il|Israel Post|…|IL|Asia/Jerusalem|drop_off
poste-italiane-it|Poste Italiane|…|IT|Europe/Rome|drop_off
99-minutos-mx|99 Minutos|5563631559|MX|America/Mexico_City|drop_off
inpost-pl|InPost|722 444 000 / +48 746 600 000|PL|Europe/Warsaw|drop_off
royal-mail-gb|Royal Mail|… 1752387112|GB|Europe/London|drop_off
usps-us|United States Postal Service|+1 800-275-8777|US|America/New_York|drop_off
ppl-cz|PPL|… 225 331 500|CZ|Europe/Prague|pickup
sagawa-jp|Sagawa|0120-333-603|JP|Asia/Tokyo|pickup
korea-post-kr|Korea Post|… 2 2195 1114|KR|Asia/Seoul|pickup
swiss-post-ch|Swiss Post|848 888 888|CH|Europe/Zurich|pickup
naqel-ae|Naqel|920020505|AE|Asia/Dubai|pickup
"""

# Numbers under these prefixes stay within a country, so none can be mistaken for the post's own.
PREFIXES = ("BA", "BB", "BC", "BD")
FIRST_SERIAL, LAST_SERIAL = 10_000_000, 99_999_999
# EUR a return, made up to begin with: staff enter what the contract says (R29).
PRICES = {"drop_off": Decimal("4.50"), "pickup": Decimal("7.50")}

#: When vans come, Monday to Saturday, made up to begin with: morning, afternoon and evening.
HOURS = ((time(9), time(12)), (time(13), time(16)), (time(17), time(20)))


def plant(*, couriers: Any, services: Any, ranges: Any, points: Any) -> None:
    """Create what is missing, given the four managers (of a migration or of today's models)."""
    known = {}
    for slug, name, contact, country, zone, method in (
        line.split("|") for line in _COURIERS.strip().splitlines()
    ):
        defaults = {"name": name, "contact": contact, "country": country}
        known[slug], _ = couriers.get_or_create(slug=slug, defaults=defaults)
        services.get_or_create(
            courier=known[slug],
            country=country,
            method=method,
            defaults={"time_zone": zone, "price": PRICES[method]},
        )
        for prefix in PREFIXES:
            ranges.get_or_create(
                courier=known[slug],
                prefix=prefix,
                last_serial=LAST_SERIAL,
                defaults={"next_serial": FIRST_SERIAL},
            )
    plant_points(couriers, points)


def plant_points(couriers: Any, points: Any) -> None:
    """Create the points that are missing, in the columns the model knows at that migration.

    In points that are there, only what nobody has said yet is filled in.
    """
    known = {courier.slug: courier for courier in couriers.all()}
    columns = {field.name for field in points.model._meta.concrete_fields}
    zones = {(row["country"], row["name"]): row["time_zone"] for row in _rows(CITIES)}
    for row in _rows(POINTS):
        if not (courier := known.get(row.pop("courier"))):
            continue
        place = {"lat": float(row.pop("lat")), "lon": float(row.pop("lon"))}
        late = {
            "postal_code": row.pop("postal_code"),
            "time_zone": zones[courier.country, row["city"]],
        }
        facts = {**row, **place, "country": courier.country}
        late = {name: value for name, value in late.items() if name in columns}
        point, made = points.get_or_create(
            courier=courier, code=facts.pop("code"), defaults=facts | late
        )
        unsaid = {name: late[name] for name in late if getattr(point, name) in ("", "UTC")}
        if unsaid and not made:
            points.filter(pk=point.pk).update(**unsaid)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def plant_windows(*, services: Any, windows: Any) -> None:
    """Give each pick-up service that has no window yet those of HOURS; two managers, as above.

    The places and the cut-off (the day before, at 17:00) are the fields' own defaults.
    """
    for service in services.filter(method="pickup", windows__isnull=True):
        windows.bulk_create(
            windows.model(service=service, weekday=weekday, start=start, end=end)
            for weekday in range(6)
            for start, end in HOURS
        )
