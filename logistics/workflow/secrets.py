"""Credentials: made and shown once, changed with an overlap, ended; every act is written down."""

import hashlib
import secrets
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction

from logistics import signatures, vault
from logistics.models import CarrierAccount, Courier, CourierReadKey, CourierSecret
from logistics.states import Direction, Mode
from logistics.workflow.desk import keep_entry, raise_anomaly
from returns.machine import NotNow

#: How long the key before still counts, and the longest anybody may ask for.
OVERLAP, LONGEST_OVERLAP = timedelta(hours=24), timedelta(days=7)
LEAKED = timedelta(0)
#: How long before its end an old key is looked at, and how lately it must have signed.
WARN_BEFORE, STILL_USED = timedelta(hours=2), timedelta(hours=2)


def give_secret(
    courier: Courier,
    direction: Direction,
    *,
    at: datetime,
    mode: Mode = Mode.LIVE,
    by: str = "",
    overlap: timedelta = OVERLAP,
) -> str:
    """Make a new secret, in force at once, and return it as `whsec_…`: nobody sees it again.

    The one before, if any, counts `overlap` longer (0 to 7 days; LEAKED ends it now, and any
    older one). Raises NotNow while an older one still counts, unless it leaked.
    """
    secret = signatures.new_secret()
    install_secret(courier, direction, secret, at=at, mode=mode, by=by, overlap=overlap)
    return secret


def install_secret(
    courier: Courier,
    direction: Direction,
    secret: str,
    *,
    at: datetime,
    mode: Mode = Mode.LIVE,
    by: str = "",
    overlap: timedelta = OVERLAP,
) -> CourierSecret:
    """Keep a secret agreed elsewhere as `give_secret` keeps its own.

    Raises ValueError unless it is `whsec_…` of 24–64 bytes and the overlap is 0 to 7 days.
    """
    key = signatures.secret_bytes(secret)
    if not LEAKED <= overlap <= LONGEST_OVERLAP:
        raise ValueError("the key before counts 0 to 7 days longer")
    with transaction.atomic():
        _hold(courier)
        ended = _end_before(courier, direction, mode, at=at, overlap=overlap)
        made = CourierSecret.objects.create(
            courier=courier,
            direction=direction,
            mode=mode,
            ciphertext=vault.seal(key),
            fingerprint=hashlib.sha256(key).hexdigest()[:8],
            created_by=by[:200],
            not_before=at,
        )
        what = "secret_leaked" if ended and overlap == LEAKED else "secret_made"
        text = f"New {mode} secret {made.fingerprint}, {direction.label.lower()}{ended}."
        keep_entry(courier, what, text, by=by, at=at, fingerprint=made.fingerprint)
    return made


def retire_secrets(courier: Courier, *, mode: Mode, by: str, at: datetime) -> None:
    """End all the courier signs with: whoever still signs so is told to stop (410)."""
    with transaction.atomic():
        _hold(courier)
        secrets_ = courier.secrets.in_force(at).filter(direction=Direction.IN, mode=mode)
        if not secrets_.update(expires_at=at):
            raise NotNow("none", "retire", (), "There is no secret to end.")
        keep_entry(courier, "secrets_retired", f"All {mode} secrets ended.", by=by, at=at)


def warn_of_ending_secrets(*, at: datetime) -> int:
    """Put before a person each old key that is about to end and was still signed with just now."""
    ending = CourierSecret.objects.filter(
        direction=Direction.IN,
        mode=Mode.LIVE,
        expires_at__gt=at,
        expires_at__lte=at + WARN_BEFORE,
        last_used_at__gte=at - STILL_USED,
    )
    for secret in ending.select_related("courier"):
        text = f"It still signs with {secret.fingerprint}, which ends"
        raise_anomaly(
            f"secret-ending:{secret.pk}",
            code="secret-ending",
            text=f"{text} {secret.expires_at:%Y-%m-%d %H:%M} UTC.",
            courier=secret.courier,
            at=at,
        )
    return len(ending)


def reseal_secrets() -> dict[str, int]:
    """Encrypt anew whatever is not under the newest key of the environment; says how many were.

    Once all are, the older keys may go. What no key fits stays as it is, and is counted.
    """
    done = {"resealed": 0, "newest already": 0, "unreadable": 0}
    for model in (CourierSecret, CarrierAccount):
        for pk in list(model.objects.values_list("pk", flat=True)):
            done[_reseal(model, pk)] += 1
    return done


def _reseal(model: type[CourierSecret] | type[CarrierAccount], pk: int) -> str:
    with transaction.atomic():
        row = model.objects.select_for_update().filter(pk=pk).only("ciphertext").first()
        try:
            anew = vault.reseal(row.ciphertext) if row else None
        except InvalidToken:
            return "unreadable"
        if row is None or anew is None:
            return "newest already"
        row.ciphertext = anew
        row.save(update_fields=["ciphertext"])
    return "resealed"


def suspend(courier: Courier, *, by: str, at: datetime, why: str = "") -> None:
    """Take no more reports from the courier (403); what it must know it is still told."""
    _switch(courier, False, "suspended", f"Suspended: its reports are refused. {why}", by, at)


def resume(courier: Courier, *, by: str, at: datetime) -> None:
    """Take the courier's reports again."""
    _switch(courier, True, "resumed", "Its reports are taken again.", by, at)


def give_read_key(courier: Courier, *, by: str, at: datetime) -> str:
    """Make a key to read with and return it as `read_…`: only its hash is kept."""
    key = f"read_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    with transaction.atomic():
        CourierReadKey.objects.create(
            courier=courier,
            sha256=digest,
            fingerprint=digest[:8],
            created_by=by[:200],
            created_at=at,
        )
        keep_entry(courier, "read_key_made", f"New read key {digest[:8]}.", by=by, at=at)
    return key


def revoke_read_key(key: CourierReadKey, *, by: str, at: datetime) -> None:
    """End a read key at once. Raises NotNow when it has ended."""
    with transaction.atomic():
        _hold(key.courier)
        key.refresh_from_db()
        if key.expires_at and key.expires_at <= at:
            raise NotNow("ended", "revoke", (), "It has ended already.")
        key.expires_at = at
        key.save(update_fields=["expires_at"])
        text = f"Read key {key.fingerprint} revoked."
        keep_entry(key.courier, "read_key_revoked", text, by=by, at=at)


def _hold(courier: Courier) -> None:
    """One at a time changes a courier's credentials; rows that only point at it do not wait."""
    Courier.objects.select_for_update(no_key=True).get(pk=courier.pk)


def _end_before(
    courier: Courier, direction: Direction, mode: Mode, *, at: datetime, overlap: timedelta
) -> str:
    """Give what counts now its end, so that at most one old key is left; says so in words."""
    counting = courier.secrets.filter(direction=direction, mode=mode).exclude(expires_at__lte=at)
    if overlap == LEAKED:
        ended = counting.update(expires_at=at)
        return "; all before it ended" if ended else ""
    if counting.filter(expires_at__isnull=False).exists():
        raise NotNow(
            "overlapping",
            "rotate",
            (),
            "An older key still counts: wait for its end, or say that it leaked.",
        )
    if not counting.update(expires_at=at + overlap):
        return ""
    return f"; the one before counts until {at + overlap:%Y-%m-%d %H:%M} UTC"


def _switch(courier: Courier, active: bool, what: str, text: str, by: str, at: datetime) -> None:
    with transaction.atomic():
        if not Courier.objects.filter(pk=courier.pk, active=not active).update(active=active):
            raise NotNow(what, what, (), f"It is {what} already.")
        keep_entry(courier, what, text, by=by, at=at)
    courier.active = active
