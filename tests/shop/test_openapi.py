"""The published schema: complete, readable offline, and what the doors really answer."""

import json
import re
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from rest_framework.test import APIClient

from returns.models import ApiKey
from returns.states import State
from tests import make
from tests.shop import bodies, pictures
from tests.shop.conftest import Shop
from tests.shop.test_actions import BODIES

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema() -> dict[str, Any]:
    answer = APIClient().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    read: dict[str, Any] = json.loads(answer.content)
    return read


def conforms(schema: dict[str, Any], name: str, value: Any) -> None:
    """The value is as its component says, with nothing that the component does not know."""
    strict = json.loads(
        json.dumps(schema).replace('"properties":', '"unevaluatedProperties": false, "properties":')
    )
    whole = {"$ref": f"#/components/schemas/{name}", "components": strict["components"]}
    Draft202012Validator(whole).validate(value)


def test_the_schema_is_valid_and_the_same_in_both_formats(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    validate(schema)
    answer = APIClient().get("/api/v1/openapi.yaml")
    assert yaml.safe_load(answer.content) == schema
    assert "nullable" not in answer.content.decode()


def test_every_door_is_in_it_with_its_key_and_its_refusals(schema: dict[str, Any]) -> None:
    doors = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in schema["paths"].items()
        for method in methods
    }
    one = "/returns/{number}"
    assert doors == {
        "GET /orders/{number}",
        "PUT /orders/{number}",
        "POST /orders/{number}/receipt",
        "POST /orders/{number}/items/{sku}/terms",
        "GET /drop-off-points",
        "GET /returns",
        "POST /returns",
        f"GET {one}",
        f"POST {one}/evidence",
        f"GET {one}/evidence/{{id}}",
        f"GET {one}/label",
        f"GET {one}/label.pdf",
        f"GET {one}/qr",
        f"GET {one}/pickup-slots",
        f"POST {one}/pickup/reschedule",
        f"POST {one}/pickup/cancel",
        *(f"POST {one}/{action}" for action in BODIES),
    }
    for methods in schema["paths"].values():
        for operation in methods.values():
            assert operation["security"] == [{"bearerKey": []}]
            assert operation["description"]
            for status in ("400", "401", "404", "409", "413", "415", "422"):
                assert operation["responses"][status]["content"]
    assert schema["components"]["securitySchemes"]["bearerKey"] == {
        "type": "http",
        "scheme": "bearer",
    }


@pytest.mark.parametrize("state", State)
def test_a_case_is_as_the_schema_says_in_every_state(
    shop: Shop, schema: dict[str, Any], state: State
) -> None:
    case = make.case_at(state)
    if state == State.AWAITING_RETURN:
        shop.post(f"/returns/{case.number}/handover", {"method": "drop_off"})
    conforms(schema, "Case", shop.get(f"/returns/{case.number}"))
    conforms(schema, "Page", shop.get("/returns"))


def test_the_other_answers_are_as_the_schema_says(shop: Shop, schema: dict[str, Any]) -> None:
    conforms(schema, "Order", shop.put("/orders/A-1", bodies.order(), status=201))
    conforms(schema, "Terms", shop.post("/orders/A-1/items/sku-1/terms", bodies.wish()))
    case = shop.post("/returns", bodies.dispute(), status=201)
    path = f"/returns/{case['number']}"
    conforms(schema, "Message", shop.post(f"{path}/messages", BODIES["messages"], status=201))
    files = [SimpleUploadedFile("a.jpg", pictures.jpeg()), SimpleUploadedFile("b", b"no")]
    kept = shop.post(f"{path}/evidence", {"file": files}, status=201, format="multipart")
    conforms(schema, "Files", kept)
    conforms(schema, "Case", shop.get(path))
    conforms(schema, "Points", shop.get("/drop-off-points?country=FR&q=Paris"))
    bad = shop.put("/orders/A-1", {}, status=422)
    Draft202012Validator(schema["components"]["schemas"]["Problem"]).validate(bad)


def test_what_the_shop_sends_is_as_the_schema_says(schema: dict[str, Any]) -> None:
    conforms(schema, "OrderInRequest", bodies.order())
    conforms(schema, "DisputeInRequest", bodies.dispute())


def test_the_page_to_browse_it_needs_no_internet() -> None:
    page = APIClient().get("/api/v1/docs/").content.decode()
    assert "/api/v1/openapi.json" in page
    sources = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert sources
    assert all(source.startswith("/static/drf_spectacular_sidecar/") for source in sources)


def test_a_key_is_printed_once_and_works(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_key", "demo")
    secret = capsys.readouterr().out.strip()
    assert Shop(secret).call("get", "/returns").status_code == 200
    kept = ApiKey.objects.get(name="demo")
    assert secret not in json.dumps(ApiKey.objects.values().get(), default=str)
    assert secret.startswith(kept.prefix)
    for name in ("demo", " ", "x" * 81):
        with pytest.raises(CommandError):
            call_command("create_api_key", name)


def test_it_says_whether_it_can_serve() -> None:
    for path in ("/healthz", "/readyz"):
        assert APIClient().get(path).status_code == 200
