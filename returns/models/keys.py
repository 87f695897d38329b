"""Keys of the shop's door, and answers kept so that a request told twice is done once."""

from django.db import models


class ApiKey(models.Model):
    """A bearer key, stored as SHA-256 (a key has 256 random bits, so a slow hash adds nothing)."""

    name = models.CharField(max_length=80, unique=True)
    prefix = models.CharField(max_length=12, help_text="The first characters, to recognise it by.")
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotentAnswer(models.Model):
    """What was answered to an `Idempotency-Key`. `status` is null while the first request runs."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE)
    key = models.CharField(max_length=128)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["api_key", "key"], name="idempotency_key_once")
        ]

    def __str__(self) -> str:
        return self.key
