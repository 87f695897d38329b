"""Who may come in here, and what a browser may do with the pages."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Page = Callable[..., HttpResponseBase]

#: Nothing but our own files: no script or style of a page's own, and no frame around it.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def strict(page: Page) -> Page:
    """The page as a browser may treat it: it runs only our own files, and keeps nothing."""

    @wraps(page)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer = page(request, *args, **kwargs)
        answer.headers.setdefault("Content-Security-Policy", POLICY)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return answered


def warehouse_only(page: Page) -> Page:
    """Signed in, and allowed to receive parcels: a stranger signs in first, others get a 403."""
    allowed = permission_required("logistics.receive_parcel", raise_exception=True)(strict(page))
    return login_required(allowed, login_url="warehouse:sign-in")
