"""The counter's door: what a clerk sees who scans the code of a drop-off without a printed label.

Public, so it shows nothing of the buyer: the code, the number, and whether the parcel is taken.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from logistics import s10, workflow
from logistics.barcodes import code128
from logistics.states import CodeState
from returns import clock

#: What to do, by what was found.
ADVICE = {
    CodeState.READY: "Take the parcel. Print its label from your own system, or scan these bars.",
    CodeState.USED: "This parcel was taken already. Do not take another one on this code.",
    CodeState.EXPIRED: "Do not take the parcel. The customer asks the shop for a new code.",
    CodeState.INVALID: "Do not take the parcel. Check the code, or scan it again.",
}


@require_safe
def drop_off(request: HttpRequest, tracking: str) -> HttpResponse:
    """`GET /d/{tracking}?t={token}`: 200 with the state of the code, 404 where it is invalid."""
    state, parcel = workflow.look_up_code(tracking, request.GET.get("t", ""), at=clock.now())
    shown: dict[str, object] = {"state": state, "advice": ADVICE[state]}
    if parcel is not None:
        number = parcel.tracking_number
        shown |= {
            "courier": parcel.courier_name,
            "number": s10.grouped(number) if s10.is_valid(number) else number,
            "code": workflow.short_code(parcel),
            "last_use_on": parcel.last_use_on,
        }
        if state == CodeState.READY:
            # Our own drawing of our own number.
            shown["bars"] = mark_safe(code128(number).svg)  # noqa: S308
    status = 404 if state == CodeState.INVALID else 200
    answer = render(request, "logistics/counter.html", shown, status=status)
    answer["Cache-Control"] = "no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'self'"
    # The address holds the code: it is told to nobody.
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    return answer
