"""What the page of a case shows: headline, facts, timeline, and all that hangs on it."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.db.models import ForeignKey, Model
from django.urls import NoReverseMatch, reverse

from returns import policy
from returns.admin.readonly import relative
from returns.admin.verbs import money, offered
from returns.models import Case
from returns.money import display

#: Of what other apps keep on a case, so many rows of a kind are linked.
ELSEWHERE = 10


def page(case: Case, user: User, site: AdminSite, *, at: datetime) -> dict[str, Any]:
    """All of it, as the template wants it. `at` is now."""
    verbs = offered(case, user)
    return {
        "title": case.number,
        "case": case,
        "at": at,
        "amount": money(case),
        "postage": display(case.postage, case.currency) if case.postage else "",
        "declared": [
            field.name.replace("_", " ")
            for field in fields(policy.Declaration)
            if case.declaration.get(field.name)
        ],
        "until": relative(case.deadline_at, at) if case.deadline_at else "",
        "overdue": case.deadline_at is not None and case.deadline_at <= at,
        "verbs": {name: verb for name, verb in verbs.items() if not verb.for_seller},
        "seller_verbs": {name: verb for name, verb in verbs.items() if verb.for_seller},
        "entries": list(case.entries.all()),
        "offers": [
            (display(offer.amount, case.currency), offer) for offer in case.offers.order_by("id")
        ],
        "case_messages": list(case.messages.all()),
        "evidence": list(case.evidence.all()),
        "may_see_evidence": user.has_perm("returns.view_evidence"),
        "verdicts": list(case.verdicts.select_related("proposed_by", "decided_by").order_by("id")),
        "reactions": list(case.reactions.select_related("entry").order_by("id")),
        "may_run_again": user.has_perm("returns.change_reaction"),
        "notices": list(case.notices.defer("html").order_by("id")),
        "elsewhere": list(_elsewhere(case, user, site)),
    }


def _elsewhere(case: Case, user: User, site: AdminSite) -> Iterator[tuple[str, list[Any]]]:
    """What other apps keep on this case, found by their foreign keys: the ground knows no names."""
    for relation in Case._meta.related_objects:
        model = relation.related_model
        if not (
            model._meta.app_label != Case._meta.app_label
            and isinstance(relation.field, ForeignKey)
            and site.is_registered(model)
            and user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
        ):
            continue
        rows = model._default_manager.filter(**{relation.field.name: case}).order_by("-pk")
        found = [(_address(row), row) for row in rows[:ELSEWHERE]]
        if found:
            yield str(model._meta.verbose_name_plural).capitalize(), found


def _address(row: Model) -> str:
    meta = row._meta
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""
