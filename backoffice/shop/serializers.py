"""What the shop may say: every body field by field, and nothing that is not asked for."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from logistics.countries import COUNTRY_NAMES
from logistics.models import DropOffPoint
from logistics.states import LabelFormat, LabelSize
from returns.money import DIGITS, rounded
from returns.states import Handover, Kind, Purpose, Reason, State, TermsOutcome

MAX_ITEMS = 2_000
MAX_PIECES = 1_000_000
#: What a column of money holds: 12 digits and 3 decimals.
MAX_MONEY = Decimal("999999999999.999")
EXCHANGE = "exchange"
_DEGREES = r"\A-?[0-9]{1,3}(\.[0-9]{1,15})?\Z"

_MONEY = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?", re.ASCII)
_REFERENCE = r"\A(?!\.{1,2}\Z)[!-.0-~]([ -.0-~]{0,62}[!-.0-~])?\Z"
_BREAKS = re.compile("[\t\n\r\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
#: Years that leave room for every deadline to be added.
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _readable(value: str) -> None:
    """Not a pattern of the schema: together with an empty text that says something else there."""
    if _CONTROLS.search(value):
        raise serializers.ValidationError("No control characters.", "control-characters")


def _one_line(value: str) -> None:
    _readable(value)
    if _BREAKS.search(value):
        raise serializers.ValidationError("One line.", "control-characters")


class Strict(serializers.Serializer[Any]):
    """Refuses members it does not know: a misspelt one would be lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else ()
        if unknown:
            raise serializers.ValidationError(
                {
                    str(name)[:64].encode("ascii", "replace").decode(): ErrorDetail(
                        "There is no such member.", "unknown"
                    )
                    for name in sorted(unknown)[:10]
                }
            )
        return super().to_internal_value(data)


class Ref(serializers.CharField):
    """The shop's own name for a thing: 1 to 64 printable ASCII characters, no slash."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, trim_whitespace=False, **options)
        self.validators.append(RegexValidator(_REFERENCE, "Printable ASCII without a slash."))


class Line(serializers.CharField):
    """Words on one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.append(_one_line)


class Lines(serializers.CharField):
    """Words on as many lines as it takes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 4_000, **options})
        self.validators.append(_readable)


class Choice(serializers.ChoiceField):
    """One of a few codes, each as a string."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=type(data).__name__)
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false; "yes" and 1 are guesses."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=type(data).__name__)
        return data


class Pieces(serializers.IntegerField):
    """How many: at least one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_PIECES, **options)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Country(serializers.CharField):
    """ISO 3166-1 alpha-2, as labels and couriers know them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_length=2, max_length=2, **options)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if code not in COUNTRY_NAMES:
            raise serializers.ValidationError("Two capital letters of ISO 3166-1.", "unknown")
        return code


@extend_schema_field(
    {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?$", "examples": ["19.90"]}
)
class Money(serializers.Field[Decimal, Any, str, Any]):
    """A decimal string, never a JSON number, which would be a float on the way."""

    default_error_messages = {
        "invalid": 'Money is a decimal string such as "19.90", not negative, without exponent.'
    }

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not _MONEY.fullmatch(data):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Any) -> str:
        return str(value)


class Moment(serializers.DateTimeField):
    """ISO 8601 with its offset: a time without one means another moment everywhere."""

    default_error_messages = {
        "naive": "A moment has its offset from UTC, such as 2026-03-02T10:00:00Z.",
        "far": "Between 1990 and 2200, please.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid", format="ISO 8601")
        return super().to_internal_value(value)

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.utcoffset() is None:
            self.fail("naive")
        moment = super().enforce_timezone(value)
        if not _EARLIEST <= moment <= _LATEST:
            self.fail("far")
        return moment


class Address(Strict):
    """Where somebody lives or sells from."""

    street = Lines(max_length=200)
    city = Line(max_length=100)
    region = Line(max_length=100, allow_blank=True, default="")
    postal_code = Line(max_length=20, allow_blank=True, default="")
    country = Country()
    phone = Line(max_length=40, allow_blank=True, default="")


class SellerIn(Strict):
    """Who sold, and takes the item back."""

    ref = Ref()
    name = Line(max_length=200)
    email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
    country = Country()
    address = Address()


class BuyerIn(Strict):
    """Who bought."""

    ref = Ref()
    name = Line(max_length=200)
    email = serializers.EmailField(max_length=254)
    country = Country()
    address = Address()


class ItemIn(Strict):
    """One item of an order."""

    sku = Ref()
    title = Line(max_length=300)
    quantity = Pieces()
    unit_price = Money()
    shipping_cost = Money(help_text="The item's share, for its whole quantity.")
    free_return = Flag(help_text="R08: carries the Free Return option.")


class PaymentIn(Strict):
    """How the order was paid, and where a refund goes back to."""

    provider = Line(max_length=32)
    reference = Line(max_length=128)
    captured = Money()
    method = Line(max_length=32)


class OrderIn(Strict):
    """`PUT /orders/{number}`."""

    seller = SellerIn()
    buyer = BuyerIn()
    currency = serializers.RegexField(r"\A[A-Z]{3}\Z", help_text="ISO 4217.")
    placed_at = Moment()
    received_at = Moment(
        allow_null=True, required=False, default=None, help_text="R01: confirmed by the buyer."
    )
    items = serializers.ListField(child=ItemIn(), min_length=1, max_length=MAX_ITEMS)
    payment = PaymentIn()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        received_at = attrs["received_at"]
        if received_at and received_at < attrs["placed_at"]:
            detail = ErrorDetail("Nothing is received before it is ordered.", "before-placed")
            raise serializers.ValidationError({"received_at": detail})
        mistakes: dict[str, Any] = {
            str(index): found
            for index, item in enumerate(attrs["items"])
            if (found := _item_mistakes(item, attrs["currency"]))
        } | _repeated(attrs["items"])
        if mistakes:
            raise serializers.ValidationError({"items": mistakes})
        if not _in_digits(attrs["payment"]["captured"], attrs["currency"]):
            raise serializers.ValidationError({"payment": {"captured": _digits(attrs["currency"])}})
        return attrs


class OrderNumber(Strict):
    """The number in the path, held to what a body may name."""

    number = Ref()


class ReceiptIn(Strict):
    """R01."""

    received_at = Moment()


class DeclarationIn(Strict):
    """R09."""

    unused = Flag()
    undamaged = Flag()
    original_packaging = Flag()
    labels_intact = Flag()


class WishIn(Strict):
    """What the buyer asks for; "exchange" is understood and refused with advice (R06)."""

    kind = Choice(choices=[*Kind.choices, (EXCHANGE, "Exchange")])
    reason = Choice(choices=Reason.choices)
    quantity = Pieces()
    declaration = DeclarationIn()


class DisputeIn(WishIn):
    """`POST /returns`."""

    order = Ref()
    item = Ref(help_text="The sku.")
    explanation = Lines(allow_blank=True, default="", help_text="R04: in the buyer's words.")


class WordsIn(Strict):
    """In the buyer's words."""

    text = Lines()


class WindowIn(Strict):
    """R23: when the courier is to ring at the door, in the local time of the address."""

    date = serializers.RegexField(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
    start = serializers.RegexField(r"\A[0-9]{2}:[0-9]{2}\Z")
    end = serializers.RegexField(r"\A[0-9]{2}:[0-9]{2}\Z")


class RescheduleIn(Strict):
    """R23: another window on offer."""

    window = WindowIn()


class HandoverIn(Strict):
    """R20: where the parcel goes, or when it is fetched."""

    method = Choice(choices=Handover.choices)
    point = Line(max_length=64, required=False)
    window = WindowIn(required=False)
    pieces = Pieces(required=False, help_text="How many go into the parcel; else all claimed.")


class ShippedIn(Strict):
    """R22: posted by the buyer, by registered mail."""

    courier = Line(max_length=80)
    tracking_number = serializers.RegexField(r"\A[A-Za-z0-9][A-Za-z0-9 -]{3,38}[A-Za-z0-9]\Z")
    registered = Flag(help_text="R22: registered mail; anything else is refused.")
    pieces = Pieces(required=False, help_text="How many are in the parcel; else all claimed.")
    cost = Money(required=False, help_text="What the postage cost, in the order's currency.")

    def validate_registered(self, value: bool) -> bool:
        if not value:
            raise serializers.ValidationError("Send it by registered mail (R22).", "unregistered")
        return value


class CasesQuery(Strict):
    """`GET /returns?…`."""

    buyer = Ref(required=False)
    order = Ref(required=False)
    state = Choice(choices=State.choices, required=False)
    terms = Choice(choices=TermsOutcome.choices, required=False)
    cursor = serializers.RegexField(r"\A[A-Za-z0-9+/=_-]{1,200}\Z", required=False)
    limit = serializers.RegexField(r"\A[1-9][0-9]?\Z|\A100\Z", required=False)


class PurposeIn(Strict):
    """What files sent to `POST /returns/{number}/evidence` are to show, besides the files."""

    purpose = Choice(
        choices=[(Purpose.POSTAGE.value, Purpose.POSTAGE.label)],
        required=False,
        help_text="R21: the receipt of the postage; until the refund is opened.",
    )
    cost = Money(required=False, help_text="What the postage was, in the order's currency.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "cost" in attrs and "purpose" not in attrs:
            text = "A cost is told with the proof of postage only."
            raise serializers.ValidationError({"cost": ErrorDetail(text, "alone")})
        return attrs


class SlotsQuery(Strict):
    """`GET /returns/{number}/pickup-slots?…`."""

    page = serializers.RegexField(r"\A[1-9][0-9]{0,2}\Z", required=False)


class LabelQuery(Strict):
    """`GET /returns/{number}/label?…`."""

    size = Choice(
        choices=[size for size in LabelSize.choices if size[0] != LabelSize.QR],
        default=LabelSize.FOUR_BY_SIX,
        help_text="`a4` has the label, a line to cut along and what to do.",
    )
    format = Choice(
        choices=[each for each in LabelFormat.choices if each[0] != LabelFormat.SVG],
        default=LabelFormat.PDF,
        help_text="`zpl` is drawn in 4x6 only.",
    )
    dpi = Choice(choices=["203", "300"], required=False, help_text="PNG and ZPL; 203 unless told.")


class QrQuery(Strict):
    """`GET /returns/{number}/qr?…`."""

    format = Choice(choices=[LabelFormat.SVG, LabelFormat.PNG], default=LabelFormat.SVG)
    dpi = Choice(choices=["203", "300"], required=False, help_text="PNG; 203 unless told.")


class PointsQuery(Strict):
    """`GET /drop-off-points?…`: of a case or a country, near a place."""

    case = serializers.RegexField(r"\ARMA[0-9]{8,17}\Z", required=False)
    country = serializers.RegexField(r"\A[A-Z]{2}\Z", required=False)
    lat = serializers.RegexField(_DEGREES, required=False, help_text="Degrees, WGS 84; with lon.")
    lon = serializers.RegexField(_DEGREES, required=False)
    q = Line(max_length=80, required=False, help_text="A city, or a postal code.")
    type = Choice(choices=DropOffPoint.Kind.choices, required=False)
    open_now = Choice(choices=["true", "false"], required=False)
    limit = serializers.RegexField(
        r"\A[1-9]\Z|\A[1-4][0-9]\Z|\A50\Z", required=False, help_text="1 to 50; 10 unless told."
    )

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        if ("case" in attrs) == ("country" in attrs):
            raise serializers.ValidationError({"case": "Either a case or a country."}, "required")
        if ("lat" in attrs) != ("lon" in attrs):
            raise serializers.ValidationError({"lat": "Both lat and lon, or neither."}, "required")
        if "country" in attrs and not attrs.keys() & {"lat", "q"}:
            raise serializers.ValidationError(
                {"q": "Near what? A city, or lat and lon."}, "required"
            )
        for name, most in (("lat", 90), ("lon", 180)):
            if name in attrs and abs(float(attrs[name])) > most:
                detail = f"Between -{most} and {most}."
                raise serializers.ValidationError({name: detail}, "invalid")
        return attrs


def _item_mistakes(item: Mapping[str, Any], currency: str) -> dict[str, ErrorDetail]:
    mistakes = {
        name: _digits(currency)
        for name in ("unit_price", "shipping_cost")
        if not _in_digits(item[name], currency)
    }
    if item["unit_price"] * item["quantity"] + item["shipping_cost"] > MAX_MONEY:
        mistakes["quantity"] = ErrorDetail("The sum is beyond what can be booked.", "max-value")
    return mistakes


def _repeated(items: list[dict[str, Any]]) -> dict[str, dict[str, ErrorDetail]]:
    first: dict[str, int] = {}
    return {
        str(index): {"sku": ErrorDetail("This sku is in the order already.", "duplicate")}
        for index, item in enumerate(items)
        if first.setdefault(item["sku"], index) != index
    }


def _in_digits(amount: Decimal, currency: str) -> bool:
    return amount == rounded(amount, currency)


def _digits(currency: str) -> ErrorDetail:
    return ErrorDetail(f"{currency} has {DIGITS.get(currency, 2)} decimals.", "decimals")
