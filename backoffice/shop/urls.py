"""Requests of the shop → doors."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularSwaggerView

from backoffice.shop import api


class Reference(StringConverter):
    """What the shop calls its orders and items: printable ASCII without a slash."""

    regex = "[ -.0-~]{1,64}"


class CaseNumber(StringConverter):
    """What we call a case."""

    regex = "RMA[0-9]{8,17}"


register_converter(Reference, "ref")
register_converter(CaseNumber, "case")

urlpatterns = [
    path("orders/<ref:number>", api.OrderDoor.as_view()),
    path("orders/<ref:number>/receipt", api.ReceiptDoor.as_view()),
    path("orders/<ref:number>/items/<ref:sku>/terms", api.TermsDoor.as_view()),
    path("returns", api.ReturnsDoor.as_view()),
    path("returns/<case:number>", api.CaseDoor.as_view()),
    path("returns/<case:number>/cancel", api.CancelDoor.as_view()),
    path("returns/<case:number>/answer", api.AnswerDoor.as_view()),
    path("returns/<case:number>/accept-offer", api.AcceptOfferDoor.as_view()),
    path("returns/<case:number>/decline-offer", api.DeclineOfferDoor.as_view()),
    path("returns/<case:number>/handover", api.HandoverDoor.as_view()),
    path("returns/<case:number>/shipped", api.ShippedDoor.as_view()),
    path("returns/<case:number>/escalate", api.EscalateDoor.as_view()),
    path("returns/<case:number>/messages", api.MessagesDoor.as_view()),
    path("returns/<case:number>/evidence", api.EvidenceDoor.as_view()),
    path("returns/<case:number>/evidence/<int:pk>", api.EvidenceFileDoor.as_view()),
    path("returns/<case:number>/label.pdf", api.LabelDoor.as_view()),
    path("openapi.json", api.schema_as("json"), name="openapi"),
    path("openapi.yaml", api.schema_as("yaml")),
    path("docs/", SpectacularSwaggerView.as_view(url_name="openapi")),
]
