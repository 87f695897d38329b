"""Exact money: how many digits a currency has, and what an item's share of a sum is."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

#: ISO 4217 minor-unit digits where they are not 2.
DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX"), 0
    ),
    **dict.fromkeys(("UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def quantum(currency: str) -> Decimal:
    """The smallest amount of the currency: 1 for JPY, 0.01 for EUR, 0.001 for KWD."""
    return Decimal(1).scaleb(-DIGITS.get(currency, 2))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount in the currency's own digits, half up."""
    return amount.quantize(quantum(currency), rounding=ROUND_HALF_UP)


def display(amount: Decimal, currency: str) -> str:
    """The amount as a decimal string with the currency's own digits, as the API speaks it."""
    return str(rounded(amount, currency))


def paid_for(
    *,
    unit_price: Decimal,
    shipping_cost: Decimal,
    bought: int,
    before: int,
    quantity: int,
    with_shipping: bool,
    currency: str,
) -> Decimal:
    """What was paid for `quantity` of the `bought` pieces of a line, after `before` others (R28).

    `shipping_cost` is the line's share for its whole quantity; it is included pro rata where the
    fault is the seller's. Each piece has its own part of it, so that the parts of all pieces, in
    whatever portions they go back, sum to the whole exactly.
    """
    goods = unit_price * quantity
    if with_shipping:
        first, last = (
            (shipping_cost * min(pieces, bought) / bought).quantize(
                quantum(currency), rounding=ROUND_DOWN
            )
            for pieces in (before, before + quantity)
        )
        goods += last - first
    return rounded(goods, currency)
