"""Our accounts with carriers that have an interface of their own."""

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from logistics import vault
from logistics.models import CarrierAccount, Courier
from logistics.states import CARRIER_DETAILS, Carrier, Gateway
from logistics.workflow.desk import keep_entry


def open_account(
    courier: Courier,
    carrier: Carrier,
    details: Mapping[str, str],
    *,
    service: str,
    time_zone: str,
    by: str,
    at: datetime,
    test_mode: bool = True,
    base_url: str = "",
) -> CarrierAccount:
    """Speak to this courier through its own interface from now on (Karrio).

    `details` are what the carrier calls user, password and number; they are sealed and never shown.
    Raises ValueError when one is missing. An account there was before is replaced.
    """
    needed = CARRIER_DETAILS[carrier]
    if missing := [name for name in needed if not str(details.get(name, "")).strip()]:
        raise ValueError(
            f"{carrier.label} wants {', '.join(needed)}; missing: {', '.join(missing)}"
        )
    sealed = vault.seal(json.dumps({name: str(details[name]) for name in details}).encode())
    with transaction.atomic():
        account, _ = CarrierAccount.objects.update_or_create(
            courier=courier,
            defaults={
                "carrier": carrier,
                "service": service,
                "time_zone": time_zone,
                "test_mode": test_mode,
                "base_url": base_url,
                "ciphertext": sealed,
            },
        )
        Courier.objects.filter(pk=courier.pk).update(gateway=Gateway.KARRIO)
        text = f"Spoken to through {carrier.label}'s interface{' (test)' if test_mode else ''}."
        keep_entry(courier, "account_opened", text, by=by, at=at, carrier=carrier)
    return account
