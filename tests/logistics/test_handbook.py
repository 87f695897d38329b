"""The couriers' handbook: every word of it is tried, and every file in it works."""

import base64
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from logistics import reports, workflow
from logistics.handbook import contract
from logistics.handbook.pages import FILES
from logistics.handbook.words import CODES, REASONS
from logistics.models import Delivery, TrackingEvent
from logistics.problems import PROBLEMS
from logistics.signatures import sign
from logistics.states import MessageType, PickupState
from logistics.tracking import TrackingCode, TrackingReason
from returns import clock
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, parcel_of

pytestmark = pytest.mark.django_db

COURIER = "la-poste-fr"
#: Labels that a carrier makes are ordered from its own interface, not from partners.
TOLD = set(MessageType) - {MessageType.LABEL_ORDERED}
EXAMPLES = [
    pytest.param(message, json.loads(example), id=f"{message.type}-{n}")
    for message in contract.reports()
    for n, example in enumerate(message.examples)
]
REQUESTS = [
    pytest.param(message.type, json.loads(example), id=message.type)
    for message in contract.requests()
    for example in message.examples
]
PAGES = ("/docs/couriers/", "/docs/couriers/events/", "/docs/couriers/requests/")
PAGES += ("/docs/couriers/signing/", "/problems/", *(f"/problems/{code}" for code in PROBLEMS))


def fits(value: Any, name: str) -> None:
    """Hold a value against a component of the contract; members it does not name are errors."""
    jsonschema.Draft202012Validator(
        _closed(contract.schema(name)), format_checker=jsonschema.FormatChecker()
    ).validate(value)


def _closed(node: Any) -> Any:
    """The schema with every object that names its members closed to others."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    return inner


def hook(kind: str) -> str:
    """The component that describes a message of ours."""
    post = contract.document()["webhooks"][kind]["post"]
    ref: str = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return ref.rsplit("/", 1)[1]


def code_of(name: str) -> ModuleType:
    """A Python file of the handbook, as a partner would have it."""
    module = ModuleType(name)
    exec((contract.FOLDER / name).read_text(), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def _courier() -> None:
    """A partner whose secret is that of the builders, from long ago."""
    make.courier(COURIER, at=datetime(2020, 1, 1, tzinfo=UTC))


def post(body: bytes, *, at: datetime, path: str = "events", **more: Any) -> HttpResponse:
    with time_machine.travel(at, tick=False):
        return Client().post(
            f"/api/couriers/v1/{COURIER}/{path}",
            body,
            content_type="application/json",
            headers=more.get("headers", make.signed(body, at=at)),
        )


# The contract -------------------------------------------------------------------------------------


def test_every_report_we_read_is_in_the_handbook_and_no_other() -> None:
    assert {message.type for message in contract.reports()} == reports.TYPES


def test_every_message_we_send_is_in_the_handbook_and_no_other() -> None:
    assert {message.type for message in contract.requests()} == TOLD


def test_every_message_has_a_summary_members_and_an_example() -> None:
    for message in (*contract.reports(), *contract.requests()):
        assert message.summary
        assert message.fields, message.type
        assert message.examples, message.type


def test_every_code_reason_and_state_is_explained() -> None:
    assert set(CODES) == set(TrackingCode)
    assert len(CODES) == 20
    assert set(REASONS) == set(TrackingReason)
    schema = contract.document()["components"]["schemas"]["PickupStatus"]
    assert set(schema["properties"]["status"]["enum"]) == set(PickupState)


@pytest.mark.parametrize(("message", "said"), EXAMPLES)
def test_an_example_of_a_report_is_as_the_contract_says(
    message: contract.Message, said: dict[str, Any]
) -> None:
    fits(said, "Report")


@pytest.mark.parametrize(("kind", "said"), REQUESTS)
def test_an_example_of_what_we_send_is_as_the_contract_says(
    kind: str, said: dict[str, Any]
) -> None:
    assert said["type"] == kind
    fits(said, hook(kind))


@pytest.mark.parametrize(("message", "said"), EXAMPLES)
@pytest.mark.usefixtures("_courier")
def test_an_example_of_a_report_is_taken_by_the_door(
    message: contract.Message, said: dict[str, Any]
) -> None:
    answer = post(json.dumps(said).encode(), at=datetime.fromisoformat(said["timestamp"]))
    assert answer.status_code == 202, answer.content
    fits(answer.json(), "Receipt")
    taken = {each["status"] for each in answer.json()["results"]}
    # The examples' parcels and points are nobody's here.
    assert taken <= {"accepted", "unmatched", "ignored"}
    assert {event.type for event in TrackingEvent.objects.all()} <= {message.type}


# What really goes over the wire -------------------------------------------------------------------


def test_what_we_send_is_as_the_contract_says() -> None:
    """Label, van, another window, called off, label taken back: each as it was written down."""
    courier = make.courier("ppl-cz")
    courier.endpoint_url = "https://ppl.example/hook"
    courier.save()
    case = awaiting("CZ")
    free = [slot.window for slot in workflow.pickup_slots(case, at=T0)][:2]
    workflow.book_pickup(case, window=free[0], at=T0)
    told = parcel_of(case).deliveries.order_by("id").last()
    assert told is not None
    Delivery.objects.filter(pk=told.pk).update(delivered_at=T0, next_try_at=None, attempts=1)
    workflow.reschedule_pickup(case, window=free[1], at=T0 + HOUR)
    workflow.cancel_pickup(case, at=T0 + 2 * HOUR)
    sent = {each.type: each.payload for each in Delivery.objects.all()}
    wanted = TOLD - {MessageType.PING, MessageType.LABEL_VOIDED}
    assert sent.keys() >= wanted
    for kind, payload in sent.items():
        fits(json.loads(json.dumps(payload)), hook(kind))


@pytest.mark.usefixtures("_courier")
def test_what_we_answer_is_as_the_contract_says() -> None:
    parcel = parcel_of(awaiting())
    fits(post(b"{}", at=T0, path="ping").json(), "Pong")
    key = workflow.give_read_key(make.courier(COURIER), by="ann", at=T0)
    bearer = {"Authorization": f"Bearer {key}"}
    base = f"/api/couriers/v1/{COURIER}"
    with time_machine.travel(T0, tick=False):
        asked = Client().get(f"{base}/parcels/{parcel.tracking_number}", headers=bearer)
        since = Client().get(f"{base}/pickups", {"since": T0.isoformat()}, headers=bearer)
    fits(asked.json(), "ParcelStatus")
    fits(since.json(), "PickupPage")


def test_a_pick_up_is_told_as_the_contract_says() -> None:
    courier = make.courier("ppl-cz")
    case = awaiting("CZ")
    workflow.book_pickup(case, window=workflow.pickup_slots(case, at=T0)[0].window, at=T0)
    key = workflow.give_read_key(courier, by="ann", at=T0)
    with time_machine.travel(T0 + HOUR, tick=False):
        answer = Client().get(
            "/api/couriers/v1/ppl-cz/pickups",
            {"since": (T0 - DAY).isoformat()},
            headers={"Authorization": f"Bearer {key}"},
        )
    fits(answer.json(), "PickupPage")
    assert len(answer.json()["results"]) == 1


@pytest.mark.usefixtures("_courier")
def test_a_problem_is_as_the_contract_says_and_its_type_leads_to_its_page() -> None:
    answer = post(b"[]", at=T0)
    assert answer.status_code == 400
    fits(answer.json(), "Problem")
    page = Client().get(answer.json()["type"].removeprefix("http://testserver"))
    assert page.status_code == 200
    assert "body-not-json" in page.content.decode()


# The files ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_client_of_the_quick_start_reports_a_scan(live_server: LiveServer) -> None:
    make.courier(COURIER, at=clock.now() - DAY)
    message = json.loads(contract.reports()[0].examples[0])
    message["data"]["events"][0]["occurred_at"] = clock.now().isoformat()
    client = code_of("client.py")
    answer = client.send(live_server.url, COURIER, make.SECRET, message, "evt_1")
    assert answer["results"][0]["status"] == "unmatched"
    again = client.send(live_server.url, COURIER, make.SECRET, message, "evt_1")
    assert again["status"] == "duplicate"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl"))), reason="NO CURL OR OPENSSL HERE"
)
def test_the_signed_curl_of_the_quick_start_works(live_server: LiveServer) -> None:
    make.courier(COURIER, at=clock.now() - DAY)
    page = Client().get(
        "/docs/couriers/", headers={"host": live_server.url.removeprefix("http://")}
    )
    script = (contract.FOLDER / "ping.sh").read_text()
    assert f"BASE={live_server.url}" in page.content.decode()
    run = subprocess.run(
        ["bash", "-euc", script.replace("https://returns.example", live_server.url)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert json.loads(run.stdout)["status"] == "ok", run.stdout


def test_the_curl_signs_with_the_secret_that_the_tests_have() -> None:
    assert f"SECRET={make.SECRET}" in (contract.FOLDER / "ping.sh").read_text()


def test_the_verifier_of_the_handbook_believes_us_and_nobody_else() -> None:
    verified = code_of("verify.py").verified
    key = base64.b64decode(make.SECRET.removeprefix("whsec_"))
    now = int(clock.real_now().timestamp())
    body = "{“é”}".encode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,b2xk {sign('msg_1', now, body, key)}",
    }
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    assert verified(headers, body, [other, make.SECRET])
    assert not verified(headers, body + b" ", [make.SECRET])
    assert not verified(headers, body, [other])
    assert not verified({**headers, "webhook-timestamp": str(now - 301)}, body, [make.SECRET])


def test_the_client_is_as_short_as_it_is_said_to_be() -> None:
    """Fifteen statements and the imports: whoever integrates reads it in a minute."""
    code = (contract.FOLDER / "client.py").read_text().split("def send")[1]
    lines = [line for line in code.splitlines()[1:] if line.strip() and '"""' not in line]
    assert len(lines) <= 15


# The pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_there_for_anyone_and_leads_nowhere_else(path: str, client: Client) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405
    text = answer.content.decode()
    for target in re.findall(r'(?:href|src)="([^"#]+)', text):
        assert target.startswith("/"), target
        assert client.get(target).status_code == 200, target
    for anchor in re.findall(r'href="#([^"]+)', text):
        assert f'id="{anchor}"' in text
    assert "<script" not in text
    assert "style=" not in text


@pytest.mark.parametrize("name", FILES)
def test_a_file_may_be_taken_along(name: str, client: Client) -> None:
    answer = client.get(f"/docs/couriers/{name}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith(FILES[name])
    if name.endswith(".json"):
        assert json.loads(answer.content)


@pytest.mark.parametrize("name", ["pages.py", "..%2Fpages.py", "../pages.py", "%00", "client.py/"])
def test_no_other_file_may_be_taken_along(name: str, client: Client) -> None:
    assert client.get(f"/docs/couriers/{name}").status_code == 404


@pytest.mark.parametrize("code", ["no-such-problem", "<b>", "a" * 300])
def test_an_unknown_problem_has_no_page(code: str, client: Client) -> None:
    assert client.get(f"/problems/{code}").status_code == 404


def test_every_problem_is_told_apart() -> None:
    assert len({problem.todo for problem in PROBLEMS.values()}) > len(PROBLEMS) - 2
