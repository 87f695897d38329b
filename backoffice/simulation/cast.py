"""Who plays: countries with an address each, and the stories that are told on purpose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """A country: what is paid with there, roughly what a euro is worth, and an address."""

    currency: str
    rate: int
    street: str
    city: str
    postal_code: str
    region: str = ""

    def address(self, country: str, house: int) -> dict[str, str]:
        """An address as the shop's door takes it."""
        return {
            "street": f"{self.street} {house}",
            "city": self.city,
            "region": self.region,
            "postal_code": self.postal_code,
            "country": country,
            "phone": "",
        }


#: R21's countries, and three that no courier of ours serves.
PLACES: Mapping[str, Place] = {
    "AE": Place("AED", 4, "شارع الشيخ زايد", "دبي", ""),
    "AU": Place("AUD", 2, "Collins Street", "Melbourne", "3000", "VIC"),
    "CA": Place("CAD", 2, "Rue Sherbrooke", "Montréal", "H3A 1B9", "QC"),
    "CH": Place("CHF", 1, "Bahnhofstrasse", "Zürich", "8001"),
    "CL": Place("CLP", 1000, "Avenida Providencia", "Santiago", "7500000"),
    "CZ": Place("CZK", 25, "Národní", "Praha", "110 00"),
    "DE": Place("EUR", 1, "Lindenstraße", "Köln", "50674"),
    "FR": Place("EUR", 1, "Rue de la République", "Lyon", "69002"),
    "GB": Place("GBP", 1, "High Street", "Oxford", "OX1 4AW"),
    "IL": Place("ILS", 4, "דיזנגוף", "תל אביב", "6433220"),
    "IT": Place("EUR", 1, "Via Garibaldi", "Torino", "10122", "TO"),
    "JP": Place("JPY", 160, "神南", "東京都渋谷区", "150-0041"),
    "KR": Place("KRW", 1500, "세종대로", "서울특별시", "04524"),
    "MX": Place("MXN", 20, "Avenida Reforma", "Ciudad de México", "06600"),
    "NL": Place("EUR", 1, "Keizersgracht", "Amsterdam", "1015 CJ"),
    "PL": Place("PLN", 4, "Nowy Świat", "Warszawa", "00-373"),
    "SE": Place("EUR", 1, "Storgatan", "Malmö", "211 42"),
    "US": Place("USD", 1, "Main Street", "Springfield", "62701", "IL"),
}
#: How often a buyer is from there; the rest is spread evenly.
OFTEN = {"FR": 4.0, "GB": 4.0, "US": 3.0, "PL": 3.0, "CZ": 3.0, "JP": 2.0, "IT": 2.0}

SELLERS = (
    ("teapots", "Teapots & Co", "DE"),
    ("lamps", "Lampenhaus", "DE"),
    ("cameras", "Obscura", "NL"),
    ("shoes", "Passo", "IT"),
    ("toys", "Kaleido", "SE"),
)
ITEMS = (
    ("Teapot, cast iron", 39),
    ("Desk lamp", 54),
    ("Pinhole camera", 129),
    ("Running shoes", 89),
    ("Kaleidoscope", 18),
    ("Espresso machine", 640),
    ("Phone cable", 6),
    ("Rain jacket", 74),
)

_FREE: dict[str, Any] = {
    "country": "FR", "family": "none", "free_return": True, "item": 0, "since_receipt": 3,
    "kind": "return_and_refund", "reason": "personal_reasons", "second thoughts": "no",
    "declares": True, "pieces": 1, "bank": "always-pays", "asks for an exchange": False,
}  # fmt: skip
_HANDS_OVER: dict[str, Any] = {
    "hand over 1": "prompt", "way": "drop_off", "journey": "smooth", "inspection": "as_new",
}  # fmt: skip
_AT_SELLERS_MERCY = _FREE | {"free_return": False}

#: The first cases of every simulation: each end, and each hard road, is seen at least once.
SCRIPTS: tuple[dict[str, Any], ...] = (
    # refunded: free return by drop-off
    _FREE | _HANDS_OVER | {"review 1": "accept"},
    # partly_refunded: a part offered, and taken
    _FREE | {"review 1": "offer", "offer 1": "accept"},
    # cancelled: second thoughts in time
    _FREE | {"review 1": "silent", "second thoughts": "cancel", "cancels after": 1},
    # declined: refused, and not escalated
    _AT_SELLERS_MERCY | {"review 1": "refuse", "refusal": "accepts"},
    # refusal_upheld
    _AT_SELLERS_MERCY | {"review 1": "refuse", "refusal": "escalates", "verdict 1": "upheld"},
    # not_handed_over
    _FREE | {"review 1": "accept", "hand over 1": "never", "reopens": False},
    # R24: lost on its way, support refunds
    _FREE | _HANDS_OVER | {"review 1": "accept", "journey": "lost", "verdict 1": "full"},
    # R26: damage that nobody declared; refused, escalated, a part refunded
    _FREE
    | _HANDS_OVER
    | {
        "review 1": "silent", "inspection": "damaged_undeclared", "investigation": "refuse",
        "refusal": "escalates", "verdict 1": "partial",
    },
    # R18: refund only, shown by a picture, silent seller
    _FREE
    | {
        "kind": "refund_only", "reason": "quality_problems", "shows": True, "review 1": "silent",
    },
    # R13: past the window, the seller's no is final
    _FREE | {"since_receipt": 20, "review 1": "refuse"},
    # R23: nobody home twice, then another way
    _FREE | _HANDS_OVER | {
        "country": "CZ", "review 1": "accept", "way": "pickup", "van 1": "fails twice",
        "van 2": "comes",
    },
    # R32: dear, so a second person agrees
    _FREE
    | {
        "item": 5, "free_return": False, "review 1": "refuse", "refusal": "escalates",
        "verdict 1": "full", "second person": "confirms",
    },
    # R27: the bank fails five times
    _FREE | _HANDS_OVER | {"review 1": "accept", "bank": "fails-five-times"},
    # R26: damaged in transport, the seller grants by silence, the courier pays
    _FREE
    | _HANDS_OVER
    | {
        "review 1": "accept", "journey": "damaged", "inspection": "damaged_in_transit",
        "investigation": "silent",
    },
    # R12: a second item of the same order; the fault is the seller's, so he has to take it
    _FREE | _HANDS_OVER | {"family": "order", "review 1": "accept"},
    _FREE | {"family": "order", "reason": "accessories_problems", "review 1": "silent"},
    # R10: four of one buyer within a month; the fourth is not free
    *(_FREE | {"family": "buyer", "opens": 2, "opens after": day} for day in range(4)),
)  # fmt: skip
