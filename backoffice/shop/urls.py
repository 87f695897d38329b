"""Requests of the shop → doors."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from backoffice.shop import cases, files, orders, pickups, points


class Reference(StringConverter):
    """What the shop calls its orders and items: printable ASCII without a slash."""

    regex = "[ -.0-~]{1,64}"


class CaseNumber(StringConverter):
    """What we call a case."""

    regex = "RMA[0-9]{8,17}"


register_converter(Reference, "ref")
register_converter(CaseNumber, "case")

urlpatterns = [
    path("orders/<ref:number>", orders.OrderDoor.as_view()),
    path("orders/<ref:number>/receipt", orders.ReceiptDoor.as_view()),
    path("orders/<ref:number>/items/<ref:sku>/terms", orders.TermsDoor.as_view()),
    path("returns", cases.ReturnsDoor.as_view()),
    path("returns/<case:number>", cases.CaseDoor.as_view()),
    path("returns/<case:number>/cancel", cases.CancelDoor.as_view()),
    path("returns/<case:number>/answer", cases.AnswerDoor.as_view()),
    path("returns/<case:number>/accept-offer", cases.AcceptOfferDoor.as_view()),
    path("returns/<case:number>/decline-offer", cases.DeclineOfferDoor.as_view()),
    path("returns/<case:number>/handover", cases.HandoverDoor.as_view()),
    path("returns/<case:number>/pickup-slots", pickups.PickupSlotsDoor.as_view()),
    path("returns/<case:number>/pickup/reschedule", pickups.ReschedulePickupDoor.as_view()),
    path("returns/<case:number>/pickup/cancel", pickups.CancelPickupDoor.as_view()),
    path("returns/<case:number>/shipped", cases.ShippedDoor.as_view()),
    path("returns/<case:number>/escalate", cases.EscalateDoor.as_view()),
    path("returns/<case:number>/messages", cases.MessagesDoor.as_view()),
    path("returns/<case:number>/evidence", files.EvidenceDoor.as_view()),
    path("returns/<case:number>/evidence/<int:pk>", files.EvidenceFileDoor.as_view()),
    path("returns/<case:number>/label.pdf", files.LabelPdfDoor.as_view()),
    path("returns/<case:number>/label", files.LabelDoor.as_view()),
    path("returns/<case:number>/qr", files.QrDoor.as_view()),
    path("drop-off-points", points.PointsDoor.as_view()),
    path(
        "openapi.json",
        SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer]),
        name="openapi",
    ),
    path("openapi.yaml", SpectacularAPIView.as_view(renderer_classes=[OpenApiYamlRenderer])),
    path("docs/", SpectacularSwaggerView.as_view(url_name="openapi")),
]
