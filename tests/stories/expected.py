"""What POLICY.md says must come of it: a case's life told a second time, in memory.

Written from the rules and sharing nothing with returns.states or returns.policy, so that a mistake
there is not believed here. Days of 24 hours; `at` is aware.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
#: How long each state waits (R16, R24, R25, R26, R27, R30, R31).
DAYS = {
    "under_review": 3,
    "info_requested": 2,
    "offer_made": 3,
    "awaiting_return": 10,
    "in_transit": 30,
    "inspecting": 5,
    "investigating": 5,
    "declined": 7,
    "escalated": 5,
    "refund_pending": 15,
}
OVER = ("refunded", "closed")
#: From which states each thing may be done at all.
FROM = {
    "accept": ["under_review"],
    "refuse": ["under_review", "investigating"],
    "ask": ["under_review"],
    "answer": ["info_requested"],
    "offer": ["under_review"],
    "accept_offer": ["offer_made"],
    "decline_offer": ["offer_made"],
    "cancel": [
        *("under_review", "info_requested", "offer_made"),
        *("awaiting_return", "declined", "escalated"),
    ],
    "drop_off": ["awaiting_return"],
    "pack_fewer": ["awaiting_return"],
    "ship": ["awaiting_return"],
    "receive": ["awaiting_return", "in_transit", "escalated"],
    "find_good": ["inspecting"],
    "find_damage": ["inspecting"],
    "find_some": ["inspecting"],
    "grant": ["investigating"],
    "escalate": ["declined"],
    "order_refund": ["escalated"],
    "order_part": ["escalated"],
    "order_return": ["escalated"],
    "uphold": ["escalated"],
    "confirm": ["escalated"],
    "reject": ["escalated"],
    "reopen": ["closed"],
}
#: How long after its due day the bank has paid; None: it never does.
BANKS: dict[str, timedelta | None] = {
    "always-pays": timedelta(0),
    "dropped": timedelta(minutes=1),
    "fails-five-times": timedelta(days=1, hours=7, minutes=11),
    "closed-account": None,
}
#: R27: a refund to a card is sent on day 5.
DUE = 5 * DAY


@dataclass
class Slots:
    """R10, R12: which open or sent cases hold a free return of a month, and an order's label."""

    held: dict[int, tuple[tuple[int, int], int]] = field(default_factory=dict)

    def left(self, at: datetime) -> bool:
        """Whether a buyer who has used none elsewhere gets a free one now."""
        return sum(month == _month(at) for month, _ in self.held.values()) < 3

    def label_left(self, order: int) -> bool:
        """Whether the order still has its label."""
        return order not in (each for _, each in self.held.values())

    def take(self, case: int, order: int, at: datetime) -> None:
        """Of the month in which the dispute is opened."""
        self.held[case] = (_month(at), order)


def _month(at: datetime) -> tuple[int, int]:
    local = at.astimezone(ZoneInfo("Europe/Paris"))
    return local.year, local.month


@dataclass
class Expected:
    """One case as the rules have it."""

    key: int
    order: int
    item: str
    refund_only: bool
    fault: bool
    option: bool
    opened_at: datetime
    received_order_at: datetime
    price: Decimal
    shipping: Decimal
    bought: int
    before: int
    pieces: int
    bank: str
    slots: Slots
    free: bool = False
    terms: str = ""
    final: bool = False
    state: str = "under_review"
    until: datetime | None = None
    left: timedelta = timedelta(0)
    asked: bool = False
    offers: int = 0
    labelled: bool = False
    parcel: bool = False
    handed: bool = False
    received: bool = False
    proposed: str = ""
    reopenable: bool = False
    pay_at: datetime | None = None
    paid: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    packed: int = 0
    accepted: int | None = None
    granted: int = 0
    approved: bool = False

    def __post_init__(self) -> None:
        """R08–R14: the terms."""
        self.packed = self.pieces
        self.amount = self.worth(self.pieces)
        self.final = self.opened_at > self.received_order_at + 15 * DAY
        alone = self.option and not self.final and self.slots.left(self.opened_at)
        label = self.slots.label_left(self.order)
        self.free = not self.refund_only and alone and label
        if self.free:
            self.terms = "free"
            self.slots.take(self.key, self.order, self.opened_at)
        else:
            due = alone and self.fault and not self.refund_only
            self.terms = "buyer_pays" if due else "seller_decides"
        self.until = self.opened_at + 3 * DAY

    def worth(self, pieces: int) -> Decimal:
        """R28: what so many pieces of the item come to, after those of the cases before."""
        whole = self.price * pieces
        if self.fault:
            shares = [
                (self.shipping * n / self.bought).quantize(Decimal("0.01"), "ROUND_DOWN")
                for n in (self.before, self.before + pieces)
            ]
            whole += shares[1] - shares[0]
        return whole

    def owed(self) -> Decimal:
        """R26: what passed inspection is paid whatever is refused, until it was approved once."""
        return Decimal(0) if self.approved else self.worth(self.accepted or 0)

    def took(self) -> int:
        """R05: the pieces that cannot be claimed again."""
        if self.state == "closed":
            return 0
        if self.state != "refunded":
            return self.pieces
        return self.packed if self.accepted is None else self.accepted + self.granted

    def hands_over(self) -> None:
        """From here on it is about what was packed."""
        if not self.handed:
            self.handed, self.amount = True, self.worth(self.packed)

    def may(self, act: str, *, others_open: bool = False) -> bool:
        """Whether the rules allow it now."""
        if self.state not in FROM[act]:
            return False
        return {
            "ask": not self.asked,
            "offer": self.offers < 2,
            "cancel": not self.handed,
            "find_some": self.packed > 1,
            "pack_fewer": self.packed > 1,
            "drop_off": self.free,
            "ship": not self.free,
            "receive": self.parcel and (self.state != "escalated" or self.handed),
            "order_refund": not self.proposed,
            "order_part": not self.proposed and self._half() >= self.owed(),
            "order_return": not self.proposed and not self.handed,
            "uphold": not self.proposed,
            "confirm": bool(self.proposed),
            "reject": bool(self.proposed),
            "reopen": self.reopenable and not others_open,
        }.get(act, True)

    def did(self, act: str, at: datetime) -> None:
        """What comes of it."""
        getattr(self, f"_{act}")(at)

    def passes(self, at: datetime) -> None:
        """R35: whatever happens by itself until then."""
        while self.until is not None:
            if self.state == "refund_pending" and self.pay_at and self.pay_at <= self.until:
                if self.pay_at > at:
                    return
                self._bank_answers(self.pay_at)
            elif self.until > at:
                return
            else:
                self._lapses(self.until)

    # Review

    def _accept(self, at: datetime) -> None:
        if self.refund_only:
            self._approve(at)
        else:
            self._await_return(at)

    def _refuse(self, at: datetime) -> None:
        if self.final and self.owed():
            self._approve_part(at)
        else:
            self._to("closed" if self.final else "declined", at)

    def _ask(self, at: datetime) -> None:
        assert self.until
        self.asked, self.left = True, self.until - at
        self._to("info_requested", at)

    def _answer(self, at: datetime) -> None:
        self._to("under_review", at, for_=self.left)

    def _offer(self, at: datetime) -> None:
        assert self.until
        self.offers, self.left = self.offers + 1, max(self.until - at, DAY)
        self._to("offer_made", at)

    def _accept_offer(self, at: datetime) -> None:
        self.amount = Decimal(5)
        self._approve(at)

    def _decline_offer(self, at: datetime) -> None:
        if self.offers == 2 and not self.final:
            self._to("escalated", at)
        else:
            self._to("under_review", at, for_=self.left)

    def _cancel(self, at: datetime) -> None:
        self._to("closed", at)

    # The parcel

    def _drop_off(self, at: datetime) -> None:
        """A choice moves nothing; the parcel does."""

    def _pack_fewer(self, at: datetime) -> None:
        self.packed -= 1

    def _ship(self, at: datetime) -> None:
        self.hands_over()
        self.parcel = True
        self._to("in_transit", at)

    def _receive(self, at: datetime) -> None:
        if self.received:
            return
        self.hands_over()
        self.received = True
        self._to("inspecting", at)

    def _find_good(self, at: datetime) -> None:
        self.accepted = self.packed
        self._approve(at)

    def _find_damage(self, at: datetime) -> None:
        self.accepted = 0
        self._to("investigating", at)

    def _find_some(self, at: datetime) -> None:
        self.accepted = 1
        self._to("investigating", at)

    def _grant(self, at: datetime) -> None:
        self._grant_all()
        self._approve(at)

    def _grant_all(self) -> None:
        if self.accepted is not None and not self.approved:
            self.granted = self.packed - self.accepted

    # Support

    def _escalate(self, at: datetime) -> None:
        self._to("escalated", at)

    def _order_refund(self, at: datetime) -> None:
        self._decided("order_refund", at)

    def _order_part(self, at: datetime) -> None:
        self._decided("order_part", at)

    def _order_return(self, at: datetime) -> None:
        self._decided("order_return", at)

    def _uphold(self, at: datetime) -> None:
        self._decided("uphold", at)

    def _decided(self, what: str, at: datetime) -> None:
        if self.amount > 500:
            self.proposed = what  # R32
        else:
            self._give(what, at)

    def _confirm(self, at: datetime) -> None:
        self._give(self.proposed, at)

    def _reject(self, at: datetime) -> None:
        self.proposed = ""

    def _give(self, what: str, at: datetime) -> None:
        if what == "order_part":
            self.amount = self._half()
        if what in ("order_part", "order_refund"):
            self._grant_all()
            self._approve(at)
        elif what == "order_return":
            self._regain()
            self.approved = False
            self._await_return(at)
        elif self.owed():
            self._approve_part(at)
        else:
            self._to("closed", at)

    def _half(self) -> Decimal:
        return (self.amount / 2).quantize(Decimal("0.01"), "ROUND_HALF_UP")

    def _regain(self) -> None:
        """A slot that was given back is taken again, if there is one; else the buyer pays."""
        if self.free and self.key not in self.slots.held:
            self.free = self.slots.left(self.opened_at) and self.slots.label_left(self.order)
            if self.free:
                self.slots.take(self.key, self.order, self.opened_at)

    def _reopen(self, at: datetime) -> None:
        self.reopenable = False
        self._await_return(at)

    # By itself

    def _lapses(self, at: datetime) -> None:
        if self.state == "under_review":
            self._review_lapses(at)
        elif self.state == "info_requested":
            self._answer(at)
        elif self.state == "offer_made":
            self._decline_offer(at)
        elif self.state == "awaiting_return":
            self.reopenable, self.parcel = True, False
            self._to("closed", at)
        elif self.state == "declined" and self.owed():
            self._approve_part(at)
        elif self.state == "declined":
            self._to("closed", at)
        elif self.state == "in_transit":
            self._to("escalated", at)
        elif self.state == "inspecting":
            self._find_good(at)
        elif self.state == "investigating":
            self._grant(at)
        else:
            self.until = at + DAY  # it alarms again

    def _review_lapses(self, at: datetime) -> None:
        if self.refund_only:
            self._to("escalated", at)  # R18: no picture
        elif self.terms in ("free", "buyer_pays"):
            self._await_return(at)
        else:
            self._refuse(at)

    def _bank_answers(self, at: datetime) -> None:
        self.pay_at = None
        if BANKS[self.bank] is None:
            self._to("escalated", at)
        else:
            self.paid = self.amount
            self._to("refunded", at)

    # Hands

    def _await_return(self, at: datetime) -> None:
        self._to("awaiting_return", at)
        if self.free:
            self.labelled = self.parcel = True

    def _approve_part(self, at: datetime) -> None:
        self.amount = self.owed()
        self._approve(at)

    def _approve(self, at: datetime) -> None:
        self.approved = True
        self.pay_at = at + DUE + (BANKS[self.bank] or timedelta(0))
        self._to("refund_pending", at)

    def _to(self, state: str, at: datetime, for_: timedelta | None = None) -> None:
        self.state, self.proposed = state, ""
        waits = None if state in OVER else timedelta(days=DAYS[state])
        self.until = None if waits is None else at + (waits if for_ is None else for_)
        if state in ("declined", "closed") and self.free and not self.labelled:
            self.slots.held.pop(self.key, None)
