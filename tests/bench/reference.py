"""What the couriers' door is measured against: a view that verifies and inserts one row."""

import hashlib

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from backoffice.urls import urlpatterns as ours
from logistics.models import WebhookReceipt
from logistics.signatures import BadSignature, secret_bytes, verify
from returns import clock
from tests.make import SECRET

_KEYS = [secret_bytes(SECRET)]


@csrf_exempt
def verify_and_insert(request: HttpRequest, courier: int) -> HttpResponse:
    """The same verifier over the same bytes, one INSERT, 202: the least that keeps a message."""
    at = clock.real_now()
    try:
        used = verify(request.body, request.headers, _KEYS, at.timestamp())
    except BadSignature as bad:
        return JsonResponse({"code": bad.code}, status=bad.status)
    WebhookReceipt.objects.create(
        courier_id=courier,
        webhook_id=request.headers["webhook-id"],
        body_sha256=hashlib.sha256(request.body).hexdigest(),
        received_at=at,
        key_index=used,
        status=202,
        response={},
    )
    return JsonResponse({"status": "accepted"}, status=202)


urlpatterns = [*ours, path("reference/<int:courier>", verify_and_insert)]
