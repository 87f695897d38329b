"""Why a parcel is stuck, as a truth table: facts in, the sentence support reads first out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from logistics.states import LabelState, PickupState
from logistics.stuck import Facts, Untold, Van, stuck_because
from logistics.tracking import ParcelState

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LABELLED = Facts(
    at=NOW, zone="Europe/Paris", courier="La Poste", issued_at=NOW - 3 * DAY, until=NOW + 7 * DAY
)
NO_SCAN = "No scan since the label was made 3 days ago; the return closes on 19 March, 10:00."
ROLLING = replace(
    LABELLED,
    label=LabelState.USED,
    state=ParcelState.IN_TRANSIT,
    first_scan_at=NOW - 13 * DAY,
    last_news_at=NOW - 12 * DAY,
    place="Lyon",
    until=NOW + 18 * DAY,
)
ASKED = Untold("Pick-up requested", NOW - 5 * HOUR, 0, "", dead=False)
VAN = Van(PickupState.REQUESTED, NOW + 5 * HOUR, NOW + 8 * HOUR, NOW + 3 * HOUR)

TABLE = {
    "nobody brought it": (LABELLED, NO_SCAN),
    "the label was just made": (
        replace(LABELLED, issued_at=NOW, until=None),
        "No scan since the label was made just now.",
    ),
    "the label is not printed": (
        replace(LABELLED, printed=False, issued_at=NOW - 20 * timedelta(minutes=1)),
        "The label is not printed yet, made 20 minutes ago.",
    ),
    "the label cannot be printed": (
        replace(LABELLED, printed=False, label_error="no glyph for U+1F600"),
        "The label cannot be printed: no glyph for U+1F600",
    ),
    "the courier makes the label": (
        replace(LABELLED, label=LabelState.ORDERED, printed=False),
        "La Poste has not made the label yet, asked 3 days ago.",
    ),
    "the label was taken back": (
        replace(LABELLED, label=LabelState.VOIDED),
        "Its label is voided: the parcel cannot travel on it.",
    ),
    "the courier does not answer": (
        replace(LABELLED, untold=(replace(ASKED, attempts=4, error="timed out"),)),
        "La Poste was never told (“Pick-up requested”) since 12 March, 05:00, 4 tries: timed out.",
    ),
    "the courier was given up": (
        replace(LABELLED, untold=(replace(ASKED, attempts=1, error="HTTP 410", dead=True),)),
        "La Poste was never told (“Pick-up requested”), given up after 1 try: HTTP 410.",
    ),
    "nobody to tell": (
        replace(LABELLED, untold=(ASKED,), has_endpoint=False),
        (
            "La Poste was never told (“Pick-up requested”): it has no endpoint, "
            "there is nobody to tell."
        ),
    ),
    "the endpoint is disabled": (
        replace(LABELLED, untold=(ASKED,), disabled_at=NOW - 2 * DAY),
        (
            "La Poste was never told (“Pick-up requested”): its endpoint is disabled since "
            "10 March, 10:00."
        ),
    ),
    "the endpoint is unwell": (
        replace(LABELLED, untold=(replace(ASKED, error="HTTP 503"),), failing_since=NOW - HOUR),
        (
            "La Poste was never told (“Pick-up requested”): its endpoint fails since "
            "12 March, 09:00: HTTP 503."
        ),
    ),
    "the van is not answered": (
        replace(LABELLED, van=VAN),
        (
            "Pick-up asked for 12 March, 15:00, La Poste has not answered; too late for the van "
            "in 3 hours."
        ),
    ),
    "the van was never answered": (
        replace(LABELLED, van=replace(VAN, tell_until=NOW)),
        "Pick-up asked for 12 March, 15:00, La Poste never answered: the van was not booked.",
    ),
    "the van is to be moved": (
        replace(LABELLED, van=replace(VAN, state=PickupState.MOVE_REQUESTED)),
        "The van comes on 12 March, 15:00; La Poste was asked to move it, no answer yet.",
    ),
    "the van is to be cancelled": (
        replace(LABELLED, van=replace(VAN, state=PickupState.CANCEL_REQUESTED)),
        "La Poste was asked to cancel the van of 12 March, 15:00, no answer yet.",
    ),
    "the van is to come": (
        replace(LABELLED, van=replace(VAN, state=PickupState.CONFIRMED)),
        "The van is to come on 12 March, 15:00, confirmed by La Poste.",
    ),
    "the van's hour is over": (
        replace(LABELLED, van=replace(VAN, state=PickupState.CONFIRMED, ends_at=NOW - HOUR)),
        "The van was to come until 12 March, 09:00; nobody said whether it did.",
    ),
    "the van came in vain": (
        replace(
            LABELLED, van=replace(VAN, state=PickupState.FAILED, attempts=2, reason="not_home")
        ),
        (
            "The pick-up of 12 March, 15:00 came to nothing: failed (not home), 2 attempts; "
            "the buyer must choose again."
        ),
    ),
    "no news for long": (
        ROLLING,
        "Last news 12 days ago in Lyon; support takes over on 30 March, 11:00.",
    ),
    "the clock stands still": (
        replace(ROLLING, until=NOW - DAY),
        (
            "Last news 12 days ago in Lyon; overdue: support takes over, and should have on "
            "11 March, 10:00."
        ),
    ),
    "posted by the buyer, no news": (
        replace(ROLLING, first_scan_at=None, last_news_at=None, place="", label=LabelState.NONE),
        "No news yet; support takes over on 30 March, 11:00.",
    ),
    "lost": (
        replace(ROLLING, state=ParcelState.LOST, with_support=True),
        (
            "La Poste reports it lost. Last news 12 days ago in Lyon; support has the return; "
            "it is to decide on 30 March, 11:00."
        ),
    ),
    "held": (
        replace(ROLLING, state=ParcelState.HELD),
        (
            "La Poste or customs hold it. Last news 12 days ago in Lyon; support takes over on "
            "30 March, 11:00."
        ),
    ),
    "brought back": (
        replace(ROLLING, state=ParcelState.RETURNED, with_support=True, until=None),
        (
            "La Poste brought it back to the buyer. Last news 12 days ago in Lyon; "
            "support has the return."
        ),
    ),
    "delivered, not scanned in": (
        replace(ROLLING, state=ParcelState.DELIVERED, delivered_at=NOW - 2 * DAY),
        (
            "Delivered according to the courier 2 days ago, not yet scanned by the warehouse; "
            "the inspection passes by itself on 30 March, 11:00."
        ),
    ),
    "not inspected": (
        replace(ROLLING, delivered_at=NOW - 2 * DAY, received_at=NOW - DAY),
        (
            "In the warehouse since 11 March, 10:00, not inspected; it passes by itself on "
            "30 March, 11:00."
        ),
    ),
    "inspected": (
        replace(ROLLING, received_at=NOW - DAY, inspected=True),
        "Received 1 day ago and inspected: it waits for nothing.",
    ),
    "over": (replace(LABELLED, over=True), "The return is over: nobody waits for this parcel."),
    "no worker": (
        replace(LABELLED, unread=2),
        "2 reports not worked out yet: is a worker running?",
    ),
}


@pytest.mark.parametrize("what", TABLE)
def test_the_first_sentence_says_why(what: str) -> None:
    facts, sentence = TABLE[what]
    assert stuck_because(facts)[0] == sentence


def test_the_buyers_turn_is_named_last_behind_what_keeps_the_buyer_from_it() -> None:
    facts = replace(LABELLED, printed=False, untold=(ASKED,), van=VAN)
    assert len(stuck_because(facts)) == 4
    assert stuck_because(facts)[-1] == NO_SCAN


@pytest.mark.parametrize(
    ("set_aside", "sentence"),
    [
        (("A scan too late.",), "One thing was set aside for a person: A scan too late."),
        (("A.", "B.", "C."), "3 things were set aside for a person: A. …"),
    ],
)
def test_what_was_set_aside_is_always_said(set_aside: tuple[str, ...], sentence: str) -> None:
    for facts, _ in TABLE.values():
        assert stuck_because(replace(facts, set_aside=set_aside))[-1] == sentence
