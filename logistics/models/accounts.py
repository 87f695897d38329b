"""What a carrier's own interface wants to know of us: kept sealed, never shown again."""

import json
from typing import Any

from django.db import models
from django.db.models import Q

from logistics import vault
from logistics.models.partners import Courier, known_zone
from logistics.states import Carrier


class CarrierAccount(models.Model):
    """Our account with a carrier (gateway Karrio): one a courier."""

    courier = models.OneToOneField(Courier, models.CASCADE, related_name="account")
    carrier = models.CharField(max_length=16, choices=Carrier)
    service = models.CharField(
        max_length=60, help_text="Its return service, such as canadapost_expedited_parcel."
    )
    time_zone = models.CharField(
        max_length=64, validators=[known_zone], help_text="IANA: of the times it tells without one."
    )
    test_mode = models.BooleanField(default=True, help_text="Of the carrier; no real label.")
    base_url = models.URLField(
        blank=True, help_text="In place of the carrier's address; for a sandbox of one's own."
    )
    ciphertext = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(carrier__in=Carrier.values), name="account_carrier_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier} with {self.get_carrier_display()}"

    @property
    def details(self) -> dict[str, Any]:
        """User, password, customer number: as the carrier calls them."""
        read: dict[str, Any] = json.loads(vault.unseal(self.ciphertext))
        return read
