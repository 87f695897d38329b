"""Credentials: made and shown once, changed with an overlap, ended, and written down."""

import json
from datetime import timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission, User
from django.core import checks
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from logistics import vault, workflow
from logistics.models import Courier, CourierReadKey, CourierSecret
from logistics.states import Direction, Mode
from returns.machine import NotNow
from tests import make
from tests.logistics.story import DAY, HOUR, T0

pytestmark = pytest.mark.django_db

IN, OUT = Direction.IN, Direction.OUT
MINUTE = timedelta(minutes=1)


@pytest.fixture
def courier() -> Courier:
    return Courier.objects.get(slug="la-poste-fr")


def pinged(secret: str, at: object) -> int:
    with time_machine.travel(at, tick=False):
        answer = Client().post(
            "/api/couriers/v1/la-poste-fr/ping",
            b"{}",
            content_type="application/json",
            headers=make.signed(b"{}", at=at, secret=secret),
        )
    return answer.status_code


def test_a_rotation_goes_from_the_old_key_over_both_to_the_new(courier: Courier) -> None:
    old = workflow.give_secret(courier, IN, at=T0, by="ann")
    assert pinged(old, T0) == 200
    new = workflow.give_secret(courier, IN, at=T0 + DAY, by="ann")
    during, after = T0 + DAY + 23 * HOUR, T0 + 2 * DAY
    assert [pinged(key, during) for key in (old, new)] == [200, 200]
    assert [pinged(key, after) for key in (old, new)] == [401, 200]


def test_a_leaked_key_ends_at_once_and_so_does_any_older_one(courier: Courier) -> None:
    oldest = workflow.give_secret(courier, IN, at=T0)
    leaked = workflow.give_secret(courier, IN, at=T0 + HOUR)
    new = workflow.give_secret(courier, IN, at=T0 + 2 * HOUR, overlap=workflow.LEAKED, by="ann")
    now = T0 + 2 * HOUR
    assert [pinged(key, now) for key in (oldest, leaked, new)] == [401, 401, 200]
    assert courier.entries.first().what == "secret_leaked"


def test_a_second_rotation_while_an_older_key_counts_is_refused(courier: Courier) -> None:
    first = workflow.give_secret(courier, IN, at=T0)
    second = workflow.give_secret(courier, IN, at=T0 + HOUR)
    with pytest.raises(NotNow, match="leaked"):
        workflow.give_secret(courier, IN, at=T0 + 2 * HOUR)
    assert [pinged(key, T0 + 2 * HOUR) for key in (first, second)] == [200, 200]
    workflow.give_secret(courier, IN, at=T0 + HOUR + DAY)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_the_old_key_counts_seven_days_longer_at_most(courier: Courier, overlap: timedelta) -> None:
    workflow.give_secret(courier, IN, at=T0)
    with pytest.raises(ValueError, match="0 to 7 days"):
        workflow.give_secret(courier, IN, at=T0 + HOUR, overlap=overlap)
    workflow.give_secret(courier, IN, at=T0 + HOUR, overlap=workflow.LONGEST_OVERLAP)


def test_each_direction_and_mode_has_keys_of_its_own(courier: Courier) -> None:
    for way in Direction:
        for mode in Mode:
            workflow.give_secret(courier, way, mode=mode, at=T0)
            workflow.give_secret(courier, way, mode=mode, at=T0 + HOUR)
            assert len(courier.keys(way, T0 + HOUR, mode)) == 2


def test_the_database_keeps_one_secret_without_an_end(courier: Courier) -> None:
    workflow.give_secret(courier, IN, at=T0)
    another = courier.secrets.get()
    another.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        another.save(force_insert=True)


def test_what_cannot_be_read_or_is_too_short_signs_nothing(courier: Courier) -> None:
    workflow.give_secret(courier, IN, at=T0)
    courier.secrets.update(ciphertext=b"nonsense")
    assert courier.keys(IN, T0) == []


def test_every_act_is_written_down_without_the_secret(courier: Courier) -> None:
    shown = workflow.give_secret(courier, OUT, at=T0, by="ann")
    key = workflow.give_read_key(courier, at=T0, by="ann")
    workflow.revoke_read_key(courier.read_keys.get(), at=T0 + HOUR, by="bob")
    workflow.suspend(courier, at=T0, by="ann", why="It reports nonsense.")
    workflow.resume(courier, at=T0 + HOUR, by="bob")
    workflow.retire_secrets(make.courier(), mode=Mode.LIVE, at=T0, by="ann")
    told = [(entry.what, entry.by) for entry in courier.entries.order_by("id")]
    assert [what for what, _ in told if what != "secret_made"] == [
        "read_key_made",
        "read_key_revoked",
        "suspended",
        "resumed",
        "secrets_retired",
    ]
    for entry in courier.entries.all():
        words = entry.text + json.dumps(entry.facts)
        assert shown not in words
        assert key not in words


def test_what_is_so_already_is_not_done_again(courier: Courier) -> None:
    with pytest.raises(NotNow):
        workflow.resume(courier, at=T0, by="ann")
    with pytest.raises(NotNow):
        workflow.retire_secrets(courier, mode=Mode.LIVE, at=T0, by="ann")
    workflow.give_read_key(courier, at=T0, by="ann")
    key = courier.read_keys.get()
    workflow.revoke_read_key(key, at=T0, by="ann")
    with pytest.raises(NotNow):
        workflow.revoke_read_key(key, at=T0 + HOUR, by="ann")


def test_the_last_use_is_known_to_the_minute_and_written_no_more_often(courier: Courier) -> None:
    secret = workflow.give_secret(courier, IN, at=T0)
    for at in (T0, T0 + MINUTE / 2, T0 + MINUTE, T0 + 1.5 * MINUTE):
        assert pinged(secret, at) == 200
    used = courier.secrets.get()
    assert (used.last_used_at, used.uses) == (T0 + MINUTE, 2)


# The page


def page(courier: Courier) -> str:
    return f"/admin/logistics/courier/{courier.pk}/credentials/"


def staff(*permissions: str) -> Client:
    made = User.objects.create_user("vera", password="correct horse", is_staff=True)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    mine = Client()
    mine.force_login(made)
    return mine


@pytest.fixture
def keeper() -> Client:
    return staff("manage_credentials", "view_courier")


def act(client: Client, courier: Courier, act: str, **said: object) -> HttpResponse:
    asked = {"act": act, "password": "correct horse", **said}
    with time_machine.travel(T0, tick=False):
        return client.post(page(courier), asked)


def test_a_new_secret_is_on_its_answer_and_nowhere_else(courier: Courier, keeper: Client) -> None:
    answer = act(keeper, courier, "rotate", direction="in", mode="live")
    secret = answer.context["shown"].secret
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert pinged(secret, T0) == 200
    assert courier.secrets.get().created_by == "vera"
    assert secret not in str(keeper.cookies)
    assert secret not in json.dumps(dict(keeper.session))
    again = keeper.get(page(courier))
    assert secret not in again.content.decode()
    assert courier.secrets.get().fingerprint in again.content.decode()


def test_the_page_rotates_with_the_overlap_that_was_chosen(
    courier: Courier, keeper: Client
) -> None:
    workflow.give_secret(courier, OUT, mode=Mode.TEST, at=T0 - DAY)
    act(keeper, courier, "rotate", direction="out", mode="test", overlap="72")
    assert courier.secrets.order_by("id")[0].expires_at == T0 + 3 * DAY
    refused = act(keeper, courier, "rotate", direction="out", mode="test")
    assert (refused.status_code, courier.secrets.count()) == (409, 2)
    assert "leaked" in refused.content.decode()
    act(keeper, courier, "leaked", direction="out", mode="test")
    assert courier.secrets.in_force(T0).count() == 1


def test_the_page_says_who_still_signs_with_the_old_key(courier: Courier, keeper: Client) -> None:
    old = workflow.give_secret(courier, IN, at=T0 - DAY)
    workflow.give_secret(courier, IN, at=T0 - HOUR)
    pinged(old, T0 - 3 * MINUTE)
    with time_machine.travel(T0, tick=False):
        said = keeper.get(page(courier)).content.decode().replace("\xa0", " ")
    assert "Last signed with the old key 3 minutes ago" in said
    assert "old, counts 23 hours longer" in said


def test_the_page_suspends_resumes_retires_and_gives_read_keys(
    courier: Courier, keeper: Client
) -> None:
    secret = workflow.give_secret(courier, IN, at=T0 - DAY)
    assert act(keeper, courier, "suspend", why="Nonsense").status_code == 302
    assert pinged(secret, T0) == 403
    act(keeper, courier, "resume")
    assert pinged(secret, T0) == 200
    made = act(keeper, courier, "read-key")
    assert made.context["shown"].secret.startswith("read_")
    act(keeper, courier, "revoke", key=CourierReadKey.objects.get().pk)
    assert CourierReadKey.objects.get().expires_at == T0
    act(keeper, courier, "retire", direction="in", mode="live")
    assert not courier.secrets.in_force(T0).exists()


def test_nobody_changes_a_key_without_the_permission_and_the_password(courier: Courier) -> None:
    stranger = staff("view_courier", "change_courier")
    asked = {"direction": "in", "mode": "live"}
    assert stranger.get(page(courier)).status_code == 403
    assert act(stranger, courier, "rotate", **asked).status_code == 403
    assert Client().get(page(courier)).status_code == 302
    keeper = Client()
    vera = User.objects.get(username="vera")
    vera.user_permissions.add(Permission.objects.get(codename="manage_credentials"))
    keeper.force_login(vera)
    for wrong in ("", "wrong"):
        refused = act(keeper, courier, "rotate", password=wrong, **asked)
        assert refused.status_code == 409
    assert not CourierSecret.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        {"act": "explode"},
        {"act": ""},
        {"act": "rotate"},
        {"act": "rotate", "direction": "up", "mode": "live"},
        {"act": "rotate", "direction": "in", "mode": "live", "overlap": "0"},
        {"act": "rotate", "direction": "in", "mode": "live", "overlap": "x" * 5000},
        {"act": "retire"},
        {"act": "resume"},
    ],
)
def test_nonsense_changes_nothing(courier: Courier, keeper: Client, said: dict[str, str]) -> None:
    assert act(keeper, courier, **said).status_code == 409
    assert not CourierSecret.objects.exists()


@pytest.mark.parametrize("key", ["", "-1", "9" * 30, "1"])
def test_only_a_key_of_this_courier_is_revoked(courier: Courier, keeper: Client, key: str) -> None:
    others = Courier.objects.get(slug="usps-us")
    workflow.give_read_key(others, at=T0, by="ann")
    answer = act(keeper, courier, "revoke", key=others.read_keys.get().pk if key == "1" else key)
    assert answer.status_code == 404
    assert others.read_keys.get().expires_at is None
    assert keeper.get("/admin/logistics/courier/999999/credentials/").status_code == 404


def test_the_courier_itself_leads_to_its_credentials(courier: Courier, keeper: Client) -> None:
    own = f"/admin/logistics/courier/{courier.pk}/change/"
    assert page(courier) in keeper.get(own).content.decode()
    assert page(courier) not in staff_without().get(own).content.decode()


def staff_without() -> Client:
    User.objects.filter(username="vera").delete()
    return staff("view_courier")


# The environment's key


def test_secrets_go_under_the_newest_key_and_the_old_one_may_go(
    courier: Courier, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.COURIER_SECRETS_KEYS = [old]
    secret = workflow.give_secret(courier, IN, at=T0)
    workflow.give_secret(Courier.objects.get(slug="usps-us"), OUT, at=T0)
    CourierSecret.objects.filter(direction=OUT).update(ciphertext=b"nonsense")
    settings.COURIER_SECRETS_KEYS = [new, old]
    for resealed, already in ((1, 0), (0, 1)):
        call_command("reseal_secrets")
        told = capsys.readouterr().out
        assert told == f"{resealed} resealed, {already} newest already, 1 unreadable.\n"
    settings.COURIER_SECRETS_KEYS = [new]
    assert pinged(secret, T0) == 200


def test_without_a_fitting_key_the_checks_say_so(courier: Courier, settings: Settings) -> None:
    assert checks.run_checks(tags=["backoffice"]) == []
    for keys in ([], [""], ["short"], [settings.COURIER_SECRETS_KEYS[0], "x" * 44]):
        settings.COURIER_SECRETS_KEYS = keys
        found = [each.id for each in checks.run_checks(tags=["backoffice"])]
        assert found == ["backoffice.E005"]


@pytest.mark.parametrize("kept", [b"", bytes(23), None])
def test_a_secret_that_cannot_be_believed_is_found_before_it_goes_live(
    courier: Courier, kept: bytes | None
) -> None:
    def found() -> list[str | None]:
        deploy = checks.run_checks(
            tags=["database"], databases=["default"], include_deployment_checks=True
        )
        return [each.id for each in deploy]

    workflow.give_secret(courier, IN, at=T0)
    assert found() == []
    sealed = b"nonsense" if kept is None else vault.seal(kept)
    courier.secrets.update(ciphertext=sealed)
    assert found() == ["backoffice.E108"]
    assert courier.keys(IN, T0) == []
    assert pinged("whsec_" + "A" * 32, T0) == 401
