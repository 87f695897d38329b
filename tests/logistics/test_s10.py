"""The numbers on parcels: published examples, and every wrong digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.s10 import check_digit, grouped, is_valid, tracking_number

serials = st.integers(0, 99_999_999)


@pytest.mark.parametrize(
    "number",
    ["RX473124829GB", "RX473124829PL", "RX100000017PL", "RR287043775IN"]
    + [f"RB123456785{country}" for country in ("GB", "US", "CV", "CF")],
)
def test_published_numbers_are_valid(number: str) -> None:
    assert is_valid(number)
    assert tracking_number(number[:2], int(number[2:10]), number[11:]) == number


@pytest.mark.parametrize(
    "number",
    [
        "RB123456786US",
        "RX47312482PL",
        "RX4731248299PL",
        "1X473124829PL",
        "rx473124829pl",
        "RX 473 124 829 PL",
        "RX473124829PL\n",
        "RX٤٧٣١٢٤٨٢٩PL",
        "",
    ],
)
def test_what_is_not_an_s10_number_is_not_valid(number: str) -> None:
    assert not is_valid(number)
    with pytest.raises(ValueError, match="not an S10 number"):
        grouped(number)


@pytest.mark.parametrize(("serial", "digit"), [("47312482", "9"), ("00000000", "5")])
def test_the_check_digit_of_known_serials(serial: str, digit: str) -> None:
    assert check_digit(serial) == digit


def test_the_two_remainders_without_a_digit_become_nought_and_five() -> None:
    assert check_digit("00000008") == "0"  # 11 − 56 mod 11 = 10
    assert check_digit("00100001") == "5"  # 11 − 11 mod 11 = 11


@given(serials, st.integers(2, 10), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(serial: int, place: int, step: int) -> None:
    number = tracking_number("RX", serial, "PL")
    wrong = str((int(number[place]) + step) % 10)
    forged = number[:place] + wrong + number[place + 1 :]
    # The standard gives two remainders the digit 5 and cannot tell those apart.
    assert not is_valid(forged) or number[10] == "5"


@given(serials)
def test_a_number_made_here_is_valid_and_reads_in_groups(serial: int) -> None:
    number = tracking_number("BA", serial, "CZ")
    assert is_valid(number)
    assert grouped(number).replace(" ", "") == number
    assert [len(group) for group in grouped(number).split()] == [2, 3, 3, 3, 2]


@pytest.mark.parametrize(
    ("prefix", "serial", "country"),
    [("R", 1, "PL"), ("rx", 1, "PL"), ("RX", 1, "POL"), ("RX", 10**8, "PL"), ("RX", -1, "PL")],
)
def test_no_number_is_made_of_wrong_parts(prefix: str, serial: int, country: str) -> None:
    with pytest.raises(ValueError, match=r"S10 serial|capital letters"):
        tracking_number(prefix, serial, country)
