"""Which parcel a number means: within its life only, ours before what a buyer typed (2.3.6)."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from logistics.bearers import AHEAD_OF_LABEL, NUMBER_LIVES, Bearer, bearer

T = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
OURS, AGAIN = Bearer(True, T, 1), Bearer(True, T + 366 * DAY, 2)
TYPED, LATER = Bearer(False, T + DAY, 3), Bearer(False, T + 2 * DAY, 4)


@pytest.mark.parametrize(
    ("bearing", "occurred_at", "whose"),
    [
        ([], T, None),
        ([OURS], T + DAY, 1),
        ([OURS], T - AHEAD_OF_LABEL, 1),
        ([OURS], T - AHEAD_OF_LABEL - SECOND, None),
        ([OURS], T + NUMBER_LIVES, 1),
        ([OURS], T + NUMBER_LIVES + SECOND, None),
        # The number came back: each report is of the parcel that bore it then.
        ([OURS, AGAIN], T + 300 * DAY, 1),
        ([OURS, AGAIN], T + 365 * DAY, 1),
        ([OURS, AGAIN], T + 365 * DAY + SECOND, 2),
        ([OURS, AGAIN], T + 367 * DAY, 2),
        # What a buyer types takes no parcel of ours away.
        ([OURS, TYPED], T + 3 * DAY, 1),
        ([TYPED], T, 3),
        ([TYPED, LATER], T + 3 * DAY, 4),
        ([TYPED, LATER], T + DAY, 3),
        ([TYPED, LATER], T, 3),
    ],
)
def test_a_number_means_the_parcel_that_bore_it_then(
    bearing: list[Bearer], occurred_at: datetime, whose: int | None
) -> None:
    assert {bearer(order, occurred_at) for order in permutations(bearing)} == {whose}
