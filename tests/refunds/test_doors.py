"""The clock's door and support's: pay what is due, see everything, edit nothing."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from refunds import admin as money_admin
from refunds.models import LedgerEntry, PaidLine, Payment, Refund, RefundAttempt
from refunds.sandbox_bank import SandboxBank
from refunds.tasks import pay_due
from returns import clock
from tests.refunds.make import DAY, NOON, a_refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def _on_the_due_day(settings: Settings) -> None:
    settings.SIMULATION = True
    clock.set_to(NOON + 5 * DAY)


@pytest.mark.usefixtures("_on_the_due_day")
def test_the_task_pays_all_that_is_due_and_nothing_else(bank: SandboxBank) -> None:
    """R27. Called as a function: what the worker does with it is shown with real workers."""
    due = [a_refund(), a_refund(method="wallet")]
    later = a_refund(method="bank_transfer")
    pay_due()
    assert {paid.reference for paid in bank.book.select()} == {one.reference for one in due}
    later.refresh_from_db()
    assert later.state == "scheduled"


@pytest.mark.usefixtures("_on_the_due_day")
def test_a_refund_that_cannot_be_recorded_does_not_keep_the_others_waiting(
    bank: SandboxBank,
) -> None:
    """R28: an error of ours is one refund's affair; the others are paid."""
    broken, good = a_refund(method="wallet"), a_refund()
    broken.payment.move(reserved=-broken.amount)
    pay_due()
    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.state, good.state) == ("sending", "paid")


@pytest.mark.parametrize("model", [Refund, RefundAttempt, LedgerEntry, Payment, PaidLine])
def test_money_is_seen_in_the_admin_and_not_edited(
    admin_client: Client, bank: SandboxBank, model: type[Refund]
) -> None:
    refund = a_refund()
    RefundAttempt.objects.create(
        refund=refund, n=1, token="0" * 32, key=refund.key, sends=True, started_at=NOON
    )
    name = f"admin:refunds_{model._meta.model_name}"
    one = model._default_manager.latest("pk")
    assert admin_client.get(reverse(f"{name}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"{name}_change", args=[one.pk])).status_code == 200
    assert admin_client.post(reverse(f"{name}_change", args=[one.pk])).status_code == 403
    assert admin_client.get(reverse(f"{name}_add")).status_code == 403
    assert admin_client.post(reverse(f"{name}_delete", args=[one.pk])).status_code == 403


@pytest.mark.parametrize(("may", "moved"), [("view_refund", False), ("change_refund", True)])
def test_run_again_is_for_those_who_may(client: Client, may: str, moved: bool) -> None:
    refund = a_refund()
    Refund.objects.update(next_try_at=None)
    clerk = User.objects.create_user("clerk", is_staff=True)
    for name in {"view_refund", may}:
        clerk.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(clerk)
    asked = {"action": "run_again", admin.helpers.ACTION_CHECKBOX_NAME: [refund.pk]}
    client.post(reverse("admin:refunds_refund_changelist"), asked)
    refund.refresh_from_db()
    assert (refund.next_try_at is not None) is moved


def test_every_model_of_money_has_its_page() -> None:
    shown = {model for model in admin.site._registry if model._meta.app_label == "refunds"}
    assert shown == {Refund, RefundAttempt, LedgerEntry, Payment, PaidLine}
    assert all(isinstance(admin.site._registry[model], money_admin.ReadOnly) for model in shown)
