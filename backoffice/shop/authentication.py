"""Who comes through the shop's door: the holder of a bearer key."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from returns import keys
from returns.models import ApiKey


@dataclass(frozen=True)
class Shop:
    """The caller, as DRF wants one: whoever has a key may use the whole door."""

    key: ApiKey
    is_authenticated: bool = True


class BearerKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`. An unknown key and a revoked one are refused alike."""

    def authenticate(self, request: Request) -> tuple[Shop, ApiKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = keys.holder(secret.strip())
        if key is None:
            raise AuthenticationFailed("This key is unknown or revoked.")
        return Shop(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="shop"'


class BearerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes it."""

    target_class = BearerKeyAuthentication
    name = "bearerKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
