"""What the parties are told by e-mail: what happened, and what they may do until when (R34)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string

from returns import clock
from returns.bell import ring_on_commit
from returns.drain import locked
from returns.models import Case, Entry, Notice
from returns.money import display
from returns.states import Actor, Event, State

#: What each party reads when this happened. Placeholders are plain text, filled by `str.replace`.
TOLD: Mapping[Event, Mapping[Actor, str]] = {
    Event.OPENED: {
        Actor.BUYER: "We have your dispute on {item} and passed it on to {seller}.",
        Actor.SELLER: (
            "{buyer} opened a dispute on {item}: {reason}. Please accept, refuse, ask or offer."
        ),
    },
    Event.ACCEPTED: {
        Actor.BUYER: (
            "Your return of {item} was accepted. Please choose how to hand the parcel over."
        ),
        Actor.SELLER: "The return of {item} was accepted.",
    },
    Event.REFUND_ACCEPTED: {
        Actor.BUYER: "Your refund of {amount} for {item} was accepted. You may keep the item.",
        Actor.SELLER: "A refund of {amount} for {item} was accepted. The buyer keeps the item.",
    },
    Event.REFUSED: {
        Actor.BUYER: "{seller} refused: {text} If you disagree, you may call our support.",
        Actor.SELLER: "You refused the dispute on {item}. The buyer may call our support.",
    },
    Event.REFUSED_FINALLY: {
        Actor.BUYER: "{seller} refused: {text} As the order was completed, this decision is final.",
        Actor.SELLER: "You refused the dispute on {item}. The case is closed.",
    },
    Event.LAPSED: {
        Actor.BUYER: (
            "{seller} did not answer in time, so the return was declined. You may call our support."
        ),
        Actor.SELLER: (
            "You did not answer in time, so the dispute on {item} was declined. It counts on "
            "your record."
        ),
    },
    Event.LAPSED_FINALLY: {
        Actor.BUYER: (
            "{seller} did not answer in time. As the order was completed, the return is declined."
        ),
        Actor.SELLER: (
            "You did not answer in time, so the dispute on {item} was declined. It counts on "
            "your record."
        ),
    },
    Event.INFO_REQUESTED: {
        Actor.BUYER: "{seller} asks: {text} Please answer.",
    },
    Event.INFO_GIVEN: {Actor.SELLER: "{buyer} answered: {text}"},
    Event.INFO_LAPSED: {
        Actor.BUYER: (
            "The question was not answered in time; the review goes on with what is there."
        ),
        Actor.SELLER: "{buyer} did not answer in time; please decide with what is there.",
    },
    Event.OFFERED: {
        Actor.BUYER: "{seller} offers you {offer} if you keep {item}. You may accept or decline.",
    },
    Event.OFFER_ACCEPTED: {
        Actor.BUYER: "You accepted {offer} for {item}. The refund is on its way.",
        Actor.SELLER: "{buyer} accepted your offer of {offer}.",
    },
    Event.OFFER_DECLINED: {
        Actor.SELLER: "{buyer} declined your offer. Please accept, refuse or offer once more."
    },
    Event.OFFER_LAPSED: {
        Actor.BUYER: "The offer was not answered in time and has fallen; the review goes on.",
        Actor.SELLER: (
            "Your offer was not answered in time. Please accept, refuse or offer once more."
        ),
    },
    Event.HANDED_TO_SUPPORT: {
        Actor.BUYER: "Our support looks into your case now.",
        Actor.SELLER: "Our support looks into the dispute on {item} now.",
    },
    Event.CANCELLED: {
        Actor.BUYER: "You cancelled your dispute on {item}.",
        Actor.SELLER: "{buyer} cancelled the dispute on {item}. Nothing is left to do.",
    },
    Event.HANDOVER_CHOSEN: {Actor.BUYER: "You chose how to hand the parcel over: {text}"},
    Event.HANDOVER_EXTENDED: {Actor.BUYER: "You have more time to hand the parcel over: {text}"},
    Event.HANDED_OVER: {
        Actor.BUYER: "Your parcel is on its way back. We tell you when it has arrived.",
        Actor.SELLER: "The parcel with {item} is on its way back.",
    },
    Event.NOT_HANDED_OVER: {
        Actor.BUYER: (
            "The parcel was not handed over in time, so the case is closed. Our support can "
            "reopen it."
        ),
        Actor.SELLER: "The parcel with {item} was not handed over in time. The case is closed.",
    },
    Event.LOST: {
        Actor.BUYER: (
            "The courier reports your parcel lost. Our support looks into it; you need not do"
            " anything."
        ),
        Actor.SELLER: "The courier reports the parcel with {item} lost. Our support looks into it.",
    },
    Event.RECEIVED: {
        Actor.BUYER: "Your parcel has arrived and will be inspected.",
        Actor.SELLER: "The parcel with {item} has arrived and will be inspected.",
    },
    Event.INSPECTION_PASSED: {
        Actor.BUYER: "The item was inspected and your refund of {amount} is approved.",
        Actor.SELLER: "{item} was inspected; the refund of {amount} is approved.",
    },
    Event.INSPECTION_LAPSED: {
        Actor.BUYER: "Your refund of {amount} is approved.",
        Actor.SELLER: "{item} was not inspected in time, so the refund of {amount} is approved.",
    },
    Event.INSPECTION_DISPUTED: {
        Actor.BUYER: "The inspection found: {text} {seller} looks into it.",
        Actor.SELLER: "The inspection of {item} found: {text} Please grant or refuse the refund.",
    },
    Event.REFUND_GRANTED: {Actor.BUYER: "Your refund of {amount} is approved."},
    Event.REFUND_GRANTED_BY_LAPSE: {
        Actor.BUYER: "Your refund of {amount} is approved.",
        Actor.SELLER: "You did not answer in time, so the refund of {amount} is granted.",
    },
    Event.PART_APPROVED: {
        Actor.BUYER: "Your refund of {amount} for the pieces that passed is approved. {text}",
        Actor.SELLER: "The refund of {amount} for the pieces of {item} that passed is approved.",
    },
    Event.ESCALATED: {
        Actor.BUYER: "Our support looks into your case now.",
        Actor.SELLER: "{buyer} called our support about {item}.",
    },
    Event.ESCALATION_LAPSED: {
        Actor.BUYER: "You did not call our support in time, so the case is closed.",
        Actor.SELLER: "The dispute on {item} is closed.",
    },
    Event.REFUND_ORDERED: {
        Actor.BUYER: "Our support decided that you get {amount}: {text}",
        Actor.SELLER: "Our support decided that {buyer} gets {amount}: {text}",
    },
    Event.RETURN_ORDERED: {
        Actor.BUYER: "Our support decided that you may send {item} back: {text}",
        Actor.SELLER: "Our support decided that {item} is sent back: {text}",
    },
    Event.REFUSAL_UPHELD: {
        Actor.BUYER: "Our support decided that the refusal stands: {text} This is final.",
        Actor.SELLER: "Our support decided that the refusal stands: {text}",
    },
    Event.REFUND_PAID: {
        Actor.BUYER: "{amount} for {item} were paid back to you.",
        Actor.SELLER: "{amount} for {item} were paid back to {buyer}.",
    },
    Event.REFUND_REFUSED: {
        Actor.BUYER: (
            "Your bank did not take the refund. Our support finds another way and writes to you."
        ),
    },
    Event.REOPENED: {
        Actor.BUYER: "Our support reopened your case: {text} Please hand the parcel over.",
        Actor.SELLER: "Our support reopened the return of {item}: {text}",
    },
    Event.MESSAGE_SENT: {
        Actor.BUYER: "There is a new message: {text}",
        Actor.SELLER: "There is a new message: {text}",
    },
}

#: Real time a worker has for the notices it claimed.
LEASE = timedelta(seconds=40)
#: Waits after the first, second … failure to send; after the last one a notice rests.
RETRIES = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)


def tell_parties(entry: Entry, *, at: datetime) -> None:
    """Write the notices an entry calls for; the mail task sends them. Nobody is told his own
    message.
    """
    case = entry.case
    for party, sentence in TOLD[Event(entry.event)].items():
        if entry.event == Event.MESSAGE_SENT and entry.actor == party:
            continue
        address = case.buyer.email if party == Actor.BUYER else case.seller.email
        if address:
            _write(entry, party, address, _fill(sentence, entry), at)
    ring_on_commit("returns.tasks.send_notices")


def _write(entry: Entry, party: Actor, address: str, sentence: str, at: datetime) -> None:
    case = entry.case
    mine = case.waits_for == party
    until, then = _until(case)
    context = {
        "marketplace": settings.MARKETPLACE,
        "name": case.buyer.name if party == Actor.BUYER else case.seller.name,
        "sentence": sentence,
        "number": case.number,
        "order": case.order.number,
        "item": case.line.title,
        "until": _moment(until, case.policy.time_zone) if until else "",
        "waits_for": "you" if mine else (case.waits_for.label.lower() if case.waits_for else ""),
        "what_then": then,
    }
    Notice.objects.get_or_create(
        entry=entry,
        party=party,
        defaults={
            "case": case,
            "address": address,
            "subject": f"{case.number}: {Event(entry.event).label}",
            "text": render_to_string("returns/notice.txt", context),
            "html": render_to_string("returns/notice.html", context),
            "created_at": at,
            "next_try_at": at,
        },
    )


def _until(case: Case) -> tuple[datetime | None, str]:
    """Until when a party waits, and what happens then. For money that is its last day (R27)."""
    if case.state == State.REFUND_PENDING and case.approved_at:
        last = case.approved_at + timedelta(days=case.policy.refund_to_days)
        return last, "the money has arrived"
    return case.deadline_at, case.what_then


def _fill(sentence: str, entry: Entry) -> str:
    case = entry.case
    values = {
        "item": case.line.title,
        "buyer": case.buyer.name,
        "seller": case.seller.name,
        "reason": case.get_reason_display(),
        "amount": f"{display(case.amount, case.currency)} {case.currency}",
        "offer": f"{entry.facts.get('amount', '')} {case.currency}",
        "text": entry.text.strip(),
    }
    # One pass over the template only: a value that looks like a placeholder stays what it is.
    parts = sentence.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        filled.append(values[name] + rest)
    return "".join(filled).strip()


def _moment(moment: datetime, time_zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(time_zone)):%A, %d %B %Y, %H:%M} ({time_zone})"


@dataclass(frozen=True)
class Claimed:
    """A notice leased to this worker until `leased_until`, which also fences what it records."""

    notice: Notice
    leased_until: datetime


def claim_due(limit: int, *, at: datetime) -> list[Claimed]:
    """Lease up to `limit` notices that are due, and commit: whoever dies leaves them due again.

    `at` is the marketplace's time; the lease runs on real time, as it is about a process.
    """
    now = clock.real_now()
    with transaction.atomic():
        free = Notice.objects.filter(next_try_at__lte=at).filter(
            Q(leased_until__isnull=True) | Q(leased_until__lt=now)
        )
        due = list(locked(free.order_by("next_try_at", "id"))[:limit])
        Notice.objects.filter(pk__in=[notice.pk for notice in due]).update(
            leased_until=now + LEASE, attempts=F("attempts") + 1
        )
    return [Claimed(notice, now + LEASE) for notice in due]


def send(notice: Notice) -> str:
    """Hand one notice to the mail server, with no transaction open; the error, or nothing."""
    message = EmailMultiAlternatives(
        notice.subject,
        notice.text,
        to=[notice.address],
        # The same for every try, so that a mailbox can tell a repeated one.
        headers={
            "Message-ID": f"<notice-{notice.pk}@{settings.DEFAULT_FROM_EMAIL.partition('@')[2]}>"
        },
    )
    message.attach_alternative(notice.html, "text/html")
    try:
        message.send()
    except (OSError, SMTPException) as error:
        return f"{type(error).__name__}: {error}"[:2000]
    return ""


def record_sent(claimed: Claimed, error: str, *, at: datetime) -> None:
    """Write down what became of a notice, unless its lease went to another worker meanwhile."""
    mine = Notice.objects.filter(pk=claimed.notice.pk, leased_until=claimed.leased_until)
    if not error:
        mine.update(sent_at=at, next_try_at=None, leased_until=None, last_error="")
        return
    attempts = claimed.notice.attempts + 1
    rests = attempts > len(RETRIES)
    retry_at = None if rests else at + RETRIES[attempts - 1]
    mine.update(next_try_at=retry_at, leased_until=None, last_error=error)


def send_due(limit: int, *, at: datetime) -> int:
    """Claim, call, record: send up to `limit` due notices; returns how many were taken.

    What a slow mail server leaves unsent when the lease runs out is left for the next.
    """
    claimed = claim_due(limit, at=at)
    for each in claimed:
        if clock.real_now() + timedelta(seconds=settings.EMAIL_TIMEOUT) > each.leased_until:
            break
        record_sent(each, send(each.notice), at=at)
    return len(claimed)
