"""What buyers type of couriers and numbers (R22), with the public vectors of each format.

The vectors are those of github.com/jkeen/tracking_number_data (MIT): couriers/*.json.
"""

import pytest

from logistics.carriers import WrongNumber, courier_name, posted

VALID = {
    "ups": ["1Z5R89390357567127", "1Z879E930346834440", "1Z410E7W0392751591", "1Z8V92A70367203024"],
    "usps": [
        "0307 1790 0005 2348 3741", "7112 3456 7891 2345 6787", "7196 9010 7560 0307 7385",
        "9505 5110 6960 5048 6006 24", "9101 1234 5678 9000 0000 13", "9400 1112 0108 0805 4830 16",
        "9361 2898 7870 0317 6337 95", "9405803699300124287899",
    ],
    "fedex": [
        "986578788855", "477179081230", "799531274483", "790535312317", "974367662710",
        "0414 4176 0228 964", "5682 8361 0012 000", "5682 8361 0012 734", "61299998820821171811",
    ],
    "dhl": ["3318810025", "8487135506", "1099255990", "3821724944", "3318810036", "3318810014"],
    "royal mail": ["RB123456785GB", "RX473124829GB"],
    "anybody": ["RB123456785US", "RR287043775IN", "rb-123 456 785-cv"],
}  # fmt: skip
INVALID = {
    "ups": ["1Z1111111111111111"],
    "usps": ["0307 1790 0005 2348 3742"],
    "fedex": ["996578788855", "5682 8361 0012 732"],
    "dhl": ["3318810010", "3318810034", "3318810011"],
    "anybody": ["RB123456786US", "RX473124828GB", "1Z5R89390357567128"],
}


def of(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(courier, number) for courier, numbers in table.items() for number in numbers]


@pytest.mark.parametrize(("courier", "number"), of(VALID))
def test_a_number_of_a_known_format_is_recognised(courier: str, number: str) -> None:
    told = posted(courier, number)
    assert told.format
    assert told.number == number.replace(" ", "").replace("-", "").upper()


@pytest.mark.parametrize(("courier", "number"), of(INVALID))
def test_a_mistyped_number_is_refused_and_shown(courier: str, number: str) -> None:
    with pytest.raises(WrongNumber, match=number.replace(" ", "")):
        posted(courier, number)


@pytest.mark.parametrize(("courier", "number"), of(VALID))
def test_one_wrong_digit_in_a_known_number_is_mostly_found(courier: str, number: str) -> None:
    """Each format finds at least half of the wrong last digits; S10, UPS and mod 10 find all."""
    typed = number.replace(" ", "")
    last = next(n for n in reversed(range(len(typed))) if typed[n].isdigit())
    found = 0
    for digit in "0123456789".replace(typed[last], ""):
        try:
            posted(courier, typed[:last] + digit + typed[last + 1 :])
        except WrongNumber:
            found += 1
    assert found >= 5


@pytest.mark.parametrize(
    ("courier", "number"),
    [
        ("DHL", "RR 123 456"),
        ("DHL", "00340434161094042557"),
        ("Some Van", "996578788855"),
        ("GLS", "3318810010"),
        ("Sagawa", "AB123456789ZZ"),
        ("Ours", "A-B/C.12"),
    ],
)
def test_a_number_nobody_knows_is_kept_as_typed(courier: str, number: str) -> None:
    """Digits alone are a format only with their courier; ZZ is no country."""
    told = posted(courier, number)
    assert (told.number, told.format) == (number.replace(" ", ""), "")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("usps", "United States Postal Service"),
        ("U.S.P.S.", "United States Postal Service"),
        (" royal   MAIL ", "Royal Mail"),
        ("Colissimo", "La Poste"),
        ("Fed-Ex", "FedEx"),
        ("Aunt Olga's van", "Aunt Olga's van"),
    ],
)
def test_a_courier_has_one_name_however_it_is_typed(typed: str, name: str) -> None:
    assert courier_name(typed) == name


@pytest.mark.parametrize(
    ("courier", "number"),
    [
        ("", "RB123456785GB"),
        ("DHL", "123"),
        ("DHL", "1" * 41),
        ("DHL", "١٢٣٤٥"),
        ("DHL", "12\x0034"),
    ],
)
def test_nothing_is_not_a_number(courier: str, number: str) -> None:
    with pytest.raises(ValueError, match="R22"):
        posted(courier, number)
