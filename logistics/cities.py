"""Cities of R21's countries, with their time zones: planted by a migration, repeatable."""

import csv
import unicodedata
from pathlib import Path
from typing import Any

CITIES = Path(__file__).parent / "data" / "cities.csv"

#: Letters that are no letter with a mark, so that Unicode does not take them apart.
_WHOLE = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})


def plain(name: str) -> str:
    """A place's name as people type it: small letters, no marks, single spaces ("st gallen")."""
    bare = unicodedata.normalize("NFKD", name.casefold().translate(_WHOLE))
    # Marks of Latin letters only: those of other scripts are part of the letter.
    letters = "".join(each for each in bare if not "\u0300" <= each <= "\u036f")
    composed = unicodedata.normalize("NFC", letters)
    # An apostrophe is often left out ("St. John's"), a hyphen is typed as a space.
    spaced = "".join(each if each.isalnum() else " " for each in composed if each not in "'’")
    return " ".join(spaced.split())


def between_bars(*names: str) -> str:
    """All a city is called, plainly, each once: "|warszawa|warsaw|"."""
    called = dict.fromkeys(found for name in names if (found := plain(name)))
    return f"|{'|'.join(called)}|"


def plant(cities: Any) -> None:
    """Create the cities that are missing, given the manager (of a migration or of today's model).

    What is there already is left alone: staff may have changed it.
    """
    with CITIES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = between_bars(row["name"], *row.pop("also").split("|"))
            key = {"country": row.pop("country"), "name": row.pop("name")}
            place = {"lat": float(row.pop("lat")), "lon": float(row.pop("lon"))}
            cities.get_or_create(**key, defaults={**row, **place, "names": names})
