"""Support's door: who may come in, what they see, what each button does, what nobody edits."""

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from returns import clock, keys, workflow
from returns.admin.verbs import VERBS
from returns.models import ApiKey, Case, Evidence, Notice, PolicyVersion, Reaction, Verdict
from returns.states import MACHINE, Actor, Event, Kind, Reason, Resolution, State
from tests import make
from tests.make import DAY, T0

pytestmark = pytest.mark.django_db

MODELS = list(apps.get_app_config("returns").get_models())
LIST = "/admin/returns/case/"


@pytest.fixture(autouse=True)
def _a_day_after_t0(settings: Settings, db: None) -> None:
    settings.SIMULATION = True
    clock.set_to(T0 + DAY)


def staff(*permissions: str, name: str = "vera") -> User:
    """Somebody who may see cases, and what else is said."""
    made = make.staff(name, superuser=False)
    codes = {"view_case", *permissions}
    made.user_permissions.set(
        Permission.objects.filter(codename__in=codes, content_type__app_label="returns")
    )
    assert made.user_permissions.count() == len(codes)
    return made


def client(user: User | None = None) -> Client:
    mine = Client()
    mine.force_login(user or make.staff("ann"))
    return mine


def page_of(case: Case) -> str:
    return reverse("admin:returns_case_change", args=[case.pk])


def door(case: Case, verb: str) -> str:
    return reverse("admin:returns_case_do", args=[case.pk, verb])


def told(answer: HttpResponse) -> str:
    """The messages of the page that an answer leads to."""
    return " ".join(str(message) for message in answer.context["messages"])


def do(case: Case, verb: str, user: User | None = None, **said: object) -> HttpResponse:
    answer = client(user).post(door(case, verb), said, follow=True)
    assert answer.status_code == 200
    case.refresh_from_db()
    return answer


def picture(
    case: Case, content: bytes = b"\xff\xd8 a picture", kind: str = "image/jpeg"
) -> Evidence:
    return workflow.add_evidence(
        case,
        file=default_storage.save("evidence/cup.jpg", ContentFile(content)),
        size=len(content),
        name="cup.jpg",
        content_type=kind,
        sha256=hashlib.sha256(content).hexdigest(),
        at=T0,
        actor=Actor.BUYER,
    )


def proposed() -> Case:
    """A case above the limit whose full refund was proposed by ann."""
    case = make.case_at(State.ESCALATED, price="900.00")
    do(case, "decide", outcome=make.FULL, explanation="It broke.")
    return case


def standing(case: Case) -> int:
    return case.verdicts.get(status=Verdict.Status.PROPOSED).pk


def resting(case: Case) -> Reaction:
    reaction, _ = Reaction.objects.update_or_create(
        entry=case.entries.first(),
        name="returns.notices.tell_parties",
        defaults={
            "case": case,
            "created_at": T0,
            "next_try_at": None,
            "attempts": 5,
            "done_at": None,
            "last_error": "RuntimeError: no",
        },
    )
    return reaction


# Who may come in


def test_every_model_is_registered() -> None:
    assert [model.__name__ for model in MODELS if not admin.site.is_registered(model)] == []


def test_a_stranger_is_asked_who_he_is() -> None:
    case = make.dispute()
    evidence = picture(case)
    for address in (
        *(LIST, page_of(case), door(case, "note")),
        reverse("admin:returns_case_evidence", args=[case.pk, evidence.pk]),
        reverse("admin:returns_case_run", args=[case.pk, resting(case).pk]),
    ):
        answer = Client().post(address, {"text": "Hello"})
        assert (answer.status_code, "/login/" in answer["Location"]) == (302, True)
    assert make.events(case) == [Event.OPENED]


@pytest.mark.parametrize("verb", VERBS)
def test_who_may_only_look_may_do_nothing(verb: str) -> None:
    case, user = make.case_at(State.ESCALATED), staff()
    said = {"text": "x", "outcome": make.FULL, "explanation": "x", "amount": "1", "verdict": 1}
    assert client(user).get(page_of(case)).status_code == 200
    assert client(user).get(door(case, verb)).status_code == 403
    assert client(user).post(door(case, verb), said).status_code == 403
    assert case.entries.filter(at__gt=T0).count() == 0


def test_who_may_not_see_cases_may_do_nothing_with_them() -> None:
    user = staff("decide_case", "handle_case", "view_evidence", "change_reaction")
    user.user_permissions.remove(Permission.objects.get(codename="view_case"))
    case = make.case_at(State.ESCALATED)
    evidence = reverse("admin:returns_case_evidence", args=[case.pk, picture(case).pk])
    again = reverse("admin:returns_case_run", args=[case.pk, resting(case).pk])
    assert client(user).get(LIST).status_code == 403
    assert client(user).get(page_of(case)).status_code == 403
    assert client(user).post(door(case, "note"), {"text": "x"}).status_code == 403
    assert client(user).get(evidence).status_code == 403
    assert client(user).post(again).status_code == 403


@pytest.mark.parametrize("verb", VERBS)
def test_each_button_is_shown_to_those_with_its_permission_only(verb: str) -> None:
    """Policy apart from permission: what the case allows, and what this person may."""
    shown = {
        "confirm": proposed,
        "reject": proposed,
        "decide": lambda: make.case_at(State.ESCALATED),
        "reopen": not_handed_over,
        "hand-to-support": lambda: make.case_at(State.IN_TRANSIT),
        "grant": lambda: make.case_at(State.INVESTIGATING),
    }
    case = shown.get(verb, make.dispute)()
    permission = VERBS[verb].permission.removeprefix("returns.")
    link = f'href="{door(case, verb)}"'
    assert link in client(staff(permission)).get(page_of(case)).content.decode()
    others = {"handle_case", "decide_case", "reopen_case", "act_for_seller"} - {permission}
    assert link not in client(staff(*others)).get(page_of(case)).content.decode()


def not_handed_over() -> Case:
    case = make.case_at(State.AWAITING_RETURN)
    assert case.deadline_at is not None
    workflow.lapse(case, at=case.deadline_at)
    return case


def test_a_verb_needs_the_forms_token() -> None:
    case, mine = make.dispute(), Client(enforce_csrf_checks=True)
    mine.force_login(make.staff())
    assert mine.post(door(case, "note"), {"text": "x"}).status_code == 403
    again = reverse("admin:returns_case_run", args=[case.pk, resting(case).pk])
    assert mine.post(again).status_code == 403


def test_looking_changes_nothing() -> None:
    """A link is no verb: GET asks, POST does."""
    case = make.case_at(State.ESCALATED)
    again = reverse("admin:returns_case_run", args=[case.pk, resting(case).pk])
    before = case.entries.count()
    for verb in VERBS:
        assert client().get(door(case, verb)).status_code in (200, 302)
    assert client().get(again).status_code == 405
    assert case.entries.count() == before


# What is seen


def test_the_queue_shows_fifty_cases_in_twelve_questions() -> None:
    sold_by = make.seller()
    for state in list(State) * 5:
        case = make.case_at(state, sold_by=sold_by)
        if not case.over:
            workflow.assign(case, to=make.staff(f"ann{case.pk}"), at=T0)
    mine = client()
    with CaptureQueriesContext(connection) as asked:
        answer = mine.get(LIST)
    assert len(answer.context["cl"].result_list) == 50
    assert len(asked) <= 12, [each["sql"] for each in asked]


def test_the_page_of_a_case_asks_no_more_for_a_long_story() -> None:
    case = proposed()
    mine = client()
    mine.get(page_of(case))
    with CaptureQueriesContext(connection) as short:
        mine.get(page_of(case))
    for n in range(9):
        workflow.add_message(case, text="Hello?", at=T0, actor=Actor.BUYER)
        picture(case, b"\xff\xd8" + bytes([n]))
        resting(case)
    with CaptureQueriesContext(connection) as long:
        mine.get(page_of(case))
    assert len(long) == len(short) <= 30


def test_what_is_due_longest_comes_first_and_what_is_over_last() -> None:
    over, late, soon = (make.case_at(State.CLOSED), make.dispute(), make.dispute(at=T0 + DAY))
    found = client().get(LIST).context["cl"].result_list
    assert [case.pk for case in found] == [late.pk, soon.pk, over.pk]


def test_on_supports_desk_what_alarmed_comes_first_then_what_nobody_has() -> None:
    """R31."""
    taken, nobodys, alarmed = (make.case_at(State.ESCALATED) for _ in range(3))
    make.dispute()
    workflow.assign(taken, to=make.staff("bob"), at=T0)
    assert alarmed.deadline_at is not None
    workflow.lapse(alarmed, at=alarmed.deadline_at)
    found = client().get(LIST, {"waits_for": "support"}).context["cl"].result_list
    assert [case.pk for case in found] == [alarmed.pk, nobodys.pk, taken.pk]


@pytest.mark.parametrize(
    "term",
    [
        *("RMA0", "O-", "sku-1", "Teapot", "Zoé", "zoe@example.com", "Gruber", "g@example.com"),
        *("quantity shortage", "Quality shortage"),
    ],
)
def test_a_case_is_found_by(term: str) -> None:
    """Both spellings of the sixth reason (R03) among them."""
    by = make.buyer(name="Zoé", email="zoe@example.com")
    sold_by = make.seller(name="Gruber", email="g@example.com")
    case = make.dispute(by=by, sold_by=sold_by, reason=Reason.QUANTITY_SHORTAGE)
    assert list(client().get(LIST, {"q": term}).context["cl"].result_list) == [case]
    assert not client().get(LIST, {"q": f"{term} nowhere"}).context["cl"].result_list


def test_a_search_by_reason_finds_that_reason_only() -> None:
    """R03: "quality shortage" is not about quality problems."""
    wanted = make.dispute(reason=Reason.QUANTITY_SHORTAGE)
    make.dispute(reason=Reason.QUALITY_PROBLEMS)
    found = client().get(LIST, {"q": "quality shortage"}).context["cl"].result_list
    assert list(found) == [wanted]


def with_parcel() -> Case:
    """A case whose parcel somebody else carries and knows; the ground has no name for that."""
    case = make.case_at(State.IN_TRANSIT)
    apps.get_model("logistics", "Parcel").objects.create(
        case=case,
        order=case.order,
        carried="own",
        courier_name="Deutsche Post",
        tracking_number="RR123456785DE",
        issued_at=T0,
        currency="EUR",
    )
    return case


def test_a_case_is_found_by_its_parcels_number() -> None:
    case = with_parcel()
    make.dispute()
    found = client().get(LIST, {"q": "RR123456785DE"}).context["cl"].result_list
    assert list(found) == [case]


def test_the_page_leads_to_what_other_apps_keep_on_the_case() -> None:
    """To those only who may see it there."""
    case = with_parcel()
    parcel = apps.get_model("logistics", "Parcel").objects.get()
    link = f'href="{reverse("admin:logistics_parcel_change", args=[parcel.pk])}"'
    assert link in client().get(page_of(case)).content.decode()
    assert link not in client(staff()).get(page_of(case)).content.decode()


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ({"waits_for": "seller"}, 2),
        ({"waits_for": "support"}, 1),
        ({"assigned": "me"}, 1),
        ({"assigned": "nobody"}, 2),
        ({"alarm": "resting"}, 1),
        ({"alarm": "rang"}, 0),
        ({"alarm": "stuck"}, 0),
        ({"waits_for": "nonsense"}, 4),
        ({"state": "closed"}, 1),
    ],
)
def test_the_queue_is_filtered(question: dict[str, str], count: int) -> None:
    make.case_at(State.CLOSED)
    resting(make.dispute())
    workflow.assign(make.dispute(), to=make.staff("ann"), at=T0)
    make.case_at(State.ESCALATED)
    assert client().get(LIST, question).context["cl"].result_count == count


def test_the_headline_says_who_waits_for_whom_until_when_and_what_then() -> None:
    """R35, in the marketplace's time zone: T0 is 10:00 UTC, 11:00 in Paris."""
    body = client().get(page_of(make.dispute())).content.decode()
    assert "Waits for <strong>seller</strong> until" in body
    assert "Thursday, 5 March 2026, 11:00" in body
    assert "(in 2\xa0days)" in body
    assert "Then, by itself: the policy decides." in body


def test_a_case_that_is_over_waits_for_nobody() -> None:
    body = client().get(page_of(make.case_at(State.CLOSED))).content.decode()
    assert "Nobody is waited for" in body
    assert "Cancelled by the buyer" in body


def test_the_page_tells_the_terms_rule_by_rule_and_the_whole_story() -> None:
    """R09, R15, R33."""
    case = proposed()
    picture(case)
    body = client().get(page_of(case)).content.decode()
    for finding in case.terms_explanation:
        assert f'<span class="rule">{finding["rule"]}</span>' in body
    for entry in case.entries.all():
        assert entry.get_event_display() in body
    assert "unused, undamaged, original packaging, labels intact" in body
    for words in ("It was worn.", "It broke.", "waits for a second person", "cup.jpg"):
        assert words in body


def test_what_a_buyer_writes_is_shown_and_never_run() -> None:
    case = make.dispute()
    workflow.add_message(case, text="<script>alert(1)</script>", at=T0, actor=Actor.BUYER)
    body = client().get(page_of(case)).content.decode()
    assert "&lt;script&gt;alert(1)" in body
    assert "<script>alert(1)" not in body


def test_pages_of_ours_carry_no_inline_script_or_style() -> None:
    case = make.case_at(State.ESCALATED)
    for address in (page_of(case), door(case, "decide")):
        body = client().get(address).content.decode()
        content = body[body.index('<div class="case">') : body.index("</main>")]
        assert "<script" not in content
        assert "style=" not in content


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_and_every_page_opens(model: type[Case]) -> None:
    case = proposed()
    picture(case)
    workflow.add_message(case, text="Hello?", at=T0, actor=Actor.BUYER)
    workflow.offer(make.dispute(), amount=Decimal(5), at=T0, by="S")
    entry = case.entries.first()
    text = {"subject": "s", "text": "t", "html": "h", "created_at": T0}
    Notice.objects.create(entry=entry, case=case, party="buyer", address="b@example.com", **text)
    resting(case)
    keys.create("shop", at=T0)
    name, mine = model._meta.model_name, client()
    assert mine.get(reverse(f"admin:returns_{name}_changelist"), {"q": "x"}).status_code == 200
    for row in model._default_manager.all()[:1]:
        answer = mine.get(reverse(f"admin:returns_{name}_change", args=[row.pk]))
        assert answer.status_code == 200


def test_nonsense_addresses_are_not_found() -> None:
    case = make.dispute()
    mine = client()
    assert mine.get(f"/admin/returns/case/{case.pk}/do/explode/").status_code == 404
    assert mine.get(f"/admin/returns/case/{10**30}/do/note/").status_code == 404
    assert mine.get(f"/admin/returns/case/{case.pk}/evidence/999/").status_code == 404
    assert mine.post(f"/admin/returns/case/{case.pk}/run/999/").status_code == 404


# What nobody edits


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model is not PolicyVersion], ids=lambda m: m.__name__
)
def test_nobody_adds_changes_or_deletes_by_hand(model: type[Case]) -> None:
    """Also not whoever may do everything."""
    request = RequestFactory().get("/")
    request.user = make.staff()
    door_of = admin.site.get_model_admin(model)
    assert not door_of.has_add_permission(request)
    assert not door_of.has_change_permission(request)
    assert not door_of.has_delete_permission(request)
    assert "delete_selected" not in door_of.get_actions(request)


def test_a_posted_state_or_amount_is_refused() -> None:
    case = make.dispute()
    answer = client().post(page_of(case), {"state": "closed", "amount": "9999", "number": "x"})
    assert answer.status_code == 403
    assert (
        client().post(f"/admin/returns/case/{case.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert client().post("/admin/returns/case/add/", {}).status_code == 403
    case.refresh_from_db()
    assert (case.state, case.amount) == (State.UNDER_REVIEW, Decimal(40))


# The verbs of support


def test_support_decides_and_the_case_moves() -> None:
    """R31."""
    case = make.case_at(State.ESCALATED)
    answer = do(case, "decide", outcome=make.PART, amount="12.50", explanation="Half is fair.")
    assert (case.state, case.amount) == (State.REFUND_PENDING, Decimal("12.50"))
    assert told(answer) == "Done: decide."
    last = case.entries.latest("id")
    assert (last.actor, last.by, last.at) == (Actor.SUPPORT, "ann", T0 + DAY)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"outcome": "full_refund", "explanation": " "}, "This field is required"),
        ({"outcome": "everything", "explanation": "x"}, "is not one of the available choices"),
        ({"outcome": "partial_refund", "explanation": "x"}, "more than nothing and less than"),
        (
            {"outcome": "partial_refund", "explanation": "x", "amount": "9999"},
            "more than nothing and less than",
        ),
        (
            {"outcome": "partial_refund", "explanation": "x", "amount": "-1"},
            "more than nothing and less than",
        ),
        ({"outcome": "partial_refund", "explanation": "x", "amount": "NaN"}, "Enter a number"),
        ({"outcome": "full_refund", "explanation": "a\0b"}, "Null characters are not allowed"),
        ({}, "This field is required"),
    ],
)
def test_a_senseless_verdict_is_asked_again(said: dict[str, str], why: str) -> None:
    case = make.case_at(State.ESCALATED)
    body = do(case, "decide", **said).content.decode()
    assert why in body
    assert (case.state, case.verdicts.count()) == (State.ESCALATED, 0)


def test_the_page_says_beforehand_that_a_second_person_is_needed() -> None:
    """R32."""
    small, large = make.case_at(State.ESCALATED), make.case_at(State.ESCALATED, price="900.00")
    assert b"You can decide this alone" in client().get(door(small, "decide")).content
    assert b"You need a second person" in client().get(door(large, "decide")).content


def test_a_second_person_confirms() -> None:
    """R32."""
    case = proposed()
    assert case.state == State.ESCALATED
    assert b"ann proposes: Full refund, 900.00 EUR." in client().get(door(case, "confirm")).content
    do(case, "confirm", make.staff("bob"), verdict=standing(case))
    assert case.state == State.REFUND_PENDING
    assert case.verdicts.get().decided_by == make.staff("bob")


@pytest.mark.parametrize("verb", ["confirm", "reject"])
def test_nobody_is_his_own_second_person(verb: str) -> None:
    """R32: a message, no error page, and nothing is written."""
    case = proposed()
    before = case.entries.count()
    answer = do(case, verb, verdict=standing(case), text="x")
    assert "the second person is somebody else (R32)" in told(answer)
    assert (case.state, case.entries.count()) == (State.ESCALATED, before)


def test_a_second_person_sends_a_verdict_back() -> None:
    """R32."""
    case = proposed()
    do(case, "reject", make.staff("bob"), verdict=standing(case), text="Look again.")
    assert case.verdicts.get().status == Verdict.Status.REJECTED
    assert b"Look again." in client().get(page_of(case)).content


@pytest.mark.parametrize("verb", ["confirm", "reject"])
def test_another_verdict_than_the_one_read_is_not_confirmed(verb: str) -> None:
    """R32: four eyes on the same words."""
    case = proposed()
    read, bob = standing(case), make.staff("bob")
    do(case, "reject", bob, verdict=read, text="Look again.")
    do(case, "decide", outcome=make.UPHELD, explanation="It did not break.")
    answer = do(case, verb, bob, verdict=read, text="x")
    assert "does not stand any more" in told(answer)
    assert case.verdicts.filter(status=Verdict.Status.PROPOSED).exists()


def test_without_a_verdict_there_is_nothing_to_confirm() -> None:
    case = make.case_at(State.ESCALATED)
    assert "does not stand" in told(do(case, "confirm", make.staff("bob"), verdict=7))
    assert b"This field is required" in do(case, "confirm", make.staff("bob")).content
    assert b"Enter a whole number" in do(case, "confirm", make.staff("bob"), verdict="x").content
    assert case.state == State.ESCALATED


def test_what_was_not_handed_over_is_reopened() -> None:
    """R24."""
    case = not_handed_over()
    do(case, "reopen", text="He was in hospital.")
    assert (case.state, case.resolution) == (State.AWAITING_RETURN, "")


def test_what_was_cancelled_is_not_reopened() -> None:
    """R24."""
    case = make.case_at(State.CLOSED)
    answer = do(case, "reopen", text="Please.")
    assert "Only what was not handed over is reopened (R24)." in told(answer)
    assert case.resolution == Resolution.CANCELLED


def test_support_takes_over_a_parcel_on_its_way() -> None:
    """R24."""
    case = make.case_at(State.IN_TRANSIT)
    do(case, "hand-to-support", text="The courier's van burned.")
    assert case.state == State.ESCALATED
    assert case.entries.latest("id").text == "ann: The courier's van burned."


def test_support_does_not_take_a_decision_from_the_seller() -> None:
    """R16, R24: the table knows the move, the policy does not want it here."""
    case = make.dispute()
    assert Event.HANDED_TO_SUPPORT in MACHINE.allowed(State(case.state))
    answer = do(case, "hand-to-support", text="x")
    assert "a parcel on its way only (R24)" in told(answer)
    assert case.state == State.UNDER_REVIEW


def test_a_support_person_takes_a_case_and_another_takes_it_over() -> None:
    """R31."""
    case = make.case_at(State.ESCALATED)
    due = case.deadline_at
    do(case, "assign")
    do(case, "assign", make.staff("bob"))
    assert (case.assignee, case.deadline_at) == (make.staff("bob"), due)
    notes = case.entries.filter(event=Event.NOTED).values_list("by", "text")
    assert list(notes) == [("ann", "Took the case."), ("bob", "Took the case.")]


def test_what_is_over_is_nobodys() -> None:
    case = make.case_at(State.CLOSED)
    assert "The case is over." in told(do(case, "assign"))
    assert case.assignee is None


def test_messages_and_notes_stand_on_the_timeline_and_move_nothing() -> None:
    """R31, R33."""
    case = make.dispute()
    do(case, "message", text="Could you both look at the picture?")
    do(case, "note", text="The buyer called.")
    message, note = case.entries.order_by("id")[1:]
    assert (message.event, message.actor, message.by) == (Event.MESSAGE_SENT, Actor.SUPPORT, "ann")
    assert (note.event, note.actor, note.by) == (Event.NOTED, Actor.SUPPORT, "ann")
    assert case.state == State.UNDER_REVIEW


@pytest.mark.parametrize("verb", ["message", "note", "refuse", "ask", "reopen", "hand-to-support"])
@pytest.mark.parametrize("text", ["", "   ", "a\0b", "x" * 4001])
def test_words_are_needed_and_not_too_many(verb: str, text: str) -> None:
    case = make.dispute()
    assert b"errorlist" in do(case, verb, text=text).content
    assert case.entries.count() == 1


# On the seller's behalf

SELLER = "ann (support) for the seller"


@pytest.mark.parametrize(
    ("verb", "said", "state", "event"),
    [
        ("accept", {}, State.AWAITING_RETURN, Event.ACCEPTED),
        ("refuse", {"text": "It was worn."}, State.DECLINED, Event.REFUSED),
        ("ask", {"text": "Which size?"}, State.INFO_REQUESTED, Event.INFO_REQUESTED),
        ("offer", {"amount": "10"}, State.OFFER_MADE, Event.OFFERED),
    ],
)
def test_support_answers_on_the_sellers_behalf_and_signs_it(
    verb: str, said: dict[str, str], state: State, event: Event
) -> None:
    """R16, R33: who did it is on the timeline."""
    case = make.dispute()
    assert client().get(door(case, verb)).status_code == 200
    do(case, verb, **said)
    last = case.entries.latest("id")
    assert (case.state, last.event) == (state, event)
    assert (last.actor, last.by) == (Actor.SELLER, SELLER)


@pytest.mark.parametrize(
    ("verb", "said", "state"),
    [("grant", {}, State.REFUND_PENDING), ("refuse", {"text": "Worn."}, State.DECLINED)],
)
def test_an_investigation_is_ended_on_the_sellers_behalf(
    verb: str, said: dict[str, str], state: State
) -> None:
    """R26."""
    case = make.case_at(State.INVESTIGATING)
    do(case, verb, **said)
    assert (case.state, case.entries.latest("id").by) == (state, SELLER)


def test_a_refund_only_is_accepted_without_a_return() -> None:
    """R18."""
    case = make.dispute(kind=Kind.REFUND_ONLY, reason=Reason.DAMAGED_GOODS)
    do(case, "accept")
    assert case.state == State.REFUND_PENDING


@pytest.mark.parametrize("amount", ["", "-5", "0", "40", "1e9", "NaN", "lots", "0.0001"])
def test_a_senseless_offer_is_asked_again(amount: str) -> None:
    case = make.dispute()
    assert b"errorlist" in do(case, "offer", amount=amount).content
    assert (case.state, case.offers.count()) == (State.UNDER_REVIEW, 0)


SAID = {"text": "x", "outcome": "full_refund", "explanation": "x", "amount": "5", "verdict": "1"}


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("message", "note")])
def test_a_verb_that_comes_too_late_is_answered_with_what_is_possible(verb: str) -> None:
    """Never an error page: the case moved on while somebody filled in the form."""
    case = make.case_at(State.CLOSED)
    assert f"“{VERBS[verb].label}” is not possible now." in told(
        client().get(door(case, verb), follow=True)
    )
    answer = do(case, verb, **SAID)
    assert "Possible now: write a message, add a note." in told(answer)
    assert "Done" not in told(answer)
    assert case.state == State.CLOSED


def test_a_verb_sent_twice_is_done_once() -> None:
    case = make.dispute()
    do(case, "accept")
    assert "is not possible while the case is “Awaiting the return”" in told(do(case, "accept"))
    assert make.events(case) == [Event.OPENED, Event.ACCEPTED]


# Evidence


def shown(case: Case, evidence: Evidence, user: User | None = None) -> HttpResponse:
    return client(user).get(reverse("admin:returns_case_evidence", args=[case.pk, evidence.pk]))


def test_evidence_is_shown_privately_and_cannot_run(settings: Settings) -> None:
    """R04. The header is ours, not the middleware's."""
    settings.SECURE_CONTENT_TYPE_NOSNIFF = False
    case = make.dispute()
    answer = shown(case, picture(case))
    assert b"".join(answer.streaming_content) == b"\xff\xd8 a picture"  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/pdf"])
def test_what_a_browser_could_run_is_handed_over_as_a_file(kind: str) -> None:
    case = make.dispute()
    answer = shown(case, picture(case, b"<script>", kind))
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


def test_evidence_needs_its_own_permission() -> None:
    case = make.dispute()
    evidence = picture(case)
    assert shown(case, evidence, staff()).status_code == 403
    assert shown(case, evidence, staff("view_evidence")).status_code == 200
    link = reverse("admin:returns_case_evidence", args=[case.pk, evidence.pk])
    assert link not in client(staff()).get(page_of(case)).content.decode()


def test_evidence_of_another_case_is_not_found() -> None:
    case = make.dispute()
    assert shown(make.dispute(), picture(case)).status_code == 404


def test_evidence_whose_file_is_gone_is_not_found() -> None:
    case = make.dispute()
    evidence = picture(case)
    evidence.file.storage.delete(evidence.file.name)
    assert shown(case, evidence).status_code == 404


# What rests, keys, policy


def run_again(reaction: Reaction, user: User | None = None) -> HttpResponse:
    address = reverse("admin:returns_case_run", args=[reaction.case_id, reaction.pk])
    return client(user).post(address, follow=True)


def test_a_resting_reaction_runs_again_from_the_cases_page() -> None:
    reaction = resting(make.dispute())
    assert b"Run again" in client().get(page_of(reaction.case)).content
    assert b"Run again" not in client(staff()).get(page_of(reaction.case)).content
    run_again(reaction)
    reaction.refresh_from_db()
    assert (reaction.next_try_at, reaction.attempts) == (T0 + DAY, 0)


def test_running_again_needs_its_permission_and_something_that_rests() -> None:
    reaction = resting(make.dispute())
    assert run_again(reaction, staff()).status_code == 403
    Reaction.objects.filter(pk=reaction.pk).update(next_try_at=T0 + 9 * DAY)
    assert "does not rest" in told(run_again(reaction, staff("change_reaction")))
    reaction.refresh_from_db()
    assert reaction.next_try_at == T0 + 9 * DAY


def test_resting_reactions_run_again_from_their_list() -> None:
    reaction, other = resting(make.dispute()), resting(make.dispute())
    Reaction.objects.filter(pk=other.pk).update(done_at=T0)
    address = reverse("admin:returns_reaction_changelist")
    said = {"action": "run_again", "_selected_action": [reaction.pk, other.pk]}
    answer = client().post(address, said, follow=True)
    assert told(answer) == "1 of those chosen rested and run again now."
    reaction.refresh_from_db()
    assert reaction.next_try_at == T0 + DAY
    assert list(client().get(address, {"progress": "resting"}).context["cl"].result_list) == []
    assert LogEntry.objects.get().user == make.staff("ann")


@pytest.mark.parametrize(("name", "action"), [("reaction", "run_again"), ("apikey", "revoke")])
def test_who_may_only_see_reactions_or_keys_has_no_action(name: str, action: str) -> None:
    key, secret = keys.create("shop", at=T0)
    reaction = resting(make.dispute())
    address, user = reverse(f"admin:returns_{name}_changelist"), staff(f"view_{name}")
    chosen = {"reaction": reaction.pk, "apikey": key.pk}[name]
    client(user).post(address, {"action": action, "_selected_action": [chosen]})
    reaction.refresh_from_db()
    assert reaction.resting
    assert keys.holder(secret) == key


def test_a_key_is_revoked_and_never_shown() -> None:
    key, secret = keys.create("shop", at=T0)
    address = reverse("admin:returns_apikey_changelist")
    page = reverse("admin:returns_apikey_change", args=[key.pk])
    for body in (client().get(address).content.decode(), client().get(page).content.decode()):
        assert "shop" in body
        assert secret not in body
        assert key.sha256 not in body
    said = {"action": "revoke", "_selected_action": [key.pk]}
    assert told(client().post(address, said, follow=True)) == "Revoked: shop."
    assert keys.holder(secret) is None
    assert LogEntry.objects.get().user == make.staff("ann")


def test_a_revoked_key_stays_revoked_since_then() -> None:
    key, _ = keys.create("shop", at=T0)
    ApiKey.objects.update(revoked_at=T0)
    said = {"action": "revoke", "_selected_action": [key.pk]}
    client().post(reverse("admin:returns_apikey_changelist"), said)
    key.refresh_from_db()
    assert key.revoked_at == T0


POLICY = "/admin/returns/policyversion/"


def version(**changed: object) -> dict[str, object]:
    """What the form of a new version says: the numbers in force, from the day after tomorrow."""
    fields = client().get(f"{POLICY}add/").context["adminform"].form
    said = {name: fields[name].value() for name in fields.fields if name != "valid_from"}
    begins = T0 + 3 * DAY
    return {
        **said,
        "name": "Spring",
        "valid_from_0": f"{begins:%Y-%m-%d}",
        "valid_from_1": f"{begins:%H:%M:%S}",
        **changed,
    }


def added(**changed: object) -> HttpResponse:
    return client().post(f"{POLICY}add/", version(**changed))


def test_a_new_version_begins_as_a_copy_and_is_in_force_from_its_day() -> None:
    assert added(review_days=4).status_code == 302
    assert PolicyVersion.current(T0).review_days == 3
    later = PolicyVersion.current(T0 + 3 * DAY)
    assert (later.review_days, later.exchange_rates) == (
        4,
        PolicyVersion.current(T0).exchange_rates,
    )


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("time_zone", "Mars/Olympus", "is no time zone"),
        ("time_zone", "../etc/passwd", "is no time zone"),
        ("time_zone", "Europe", "is no time zone"),
        ("currency", "euro", "Ensure this value has at most 3"),
        ("currency", "eur", "is no currency"),
        ("exchange_rates", "{", "Enter a valid JSON"),
        ("exchange_rates", "[1]", "Write rates like"),
        ("exchange_rates", '{"usd": "1.1"}', "is no currency"),
        ("exchange_rates", '{"USD": 1.1}', "in quotes"),
        ("exchange_rates", '{"USD": "0"}', "above zero"),
        ("exchange_rates", '{"USD": "-1"}', "above zero"),
        ("exchange_rates", '{"USD": "NaN"}', "above zero"),
        ("exchange_rates", '{"USD": "Infinity"}', "above zero"),
        ("exchange_rates", '{"USD": "a lot"}', "above zero"),
        ("refund_alarm_days", "20", "after day 3 and before day 20 (R27)"),
        ("refund_from_days", "15", "before day 20 (R27)"),
        ("refund_to_days", "2", "before day 2 (R27)"),
        ("four_eyes_limit", "-1", "zero or more"),
        ("review_days", "0", "greater than or equal to 1"),
        ("valid_from_0", "2026-03-03", "later than now"),
    ],
)
def test_a_senseless_version_is_refused_clearly(field: str, value: str, why: str) -> None:
    answer = added(**{field: value})
    assert answer.status_code == 200
    assert why in str(answer.context["errors"])
    assert "Constraint" not in str(answer.context["errors"])
    assert PolicyVersion.objects.count() == 1


def deleted(of: PolicyVersion) -> int:
    return client().post(f"{POLICY}{of.pk}/delete/", {"post": "yes"}).status_code


def test_no_version_is_ever_changed() -> None:
    added()
    for each in PolicyVersion.objects.all():
        answer = client().post(f"{POLICY}{each.pk}/change/", version(review_days=9))
        assert answer.status_code == 403
    assert not PolicyVersion.objects.filter(review_days=9).exists()


def test_a_version_in_force_stays_and_one_to_come_may_go() -> None:
    added()
    current, later = PolicyVersion.current(T0), PolicyVersion.objects.get(name="Spring")
    assert deleted(current) == 403
    assert deleted(later) == 302
    assert list(PolicyVersion.objects.all()) == [current]


def test_a_version_that_a_case_relies_on_stays() -> None:
    """A case keeps the version it was opened under, wherever the clock stands."""
    added()
    later = PolicyVersion.objects.get(name="Spring")
    Case.objects.filter(pk=make.dispute().pk).update(policy=later)
    assert deleted(later) == 403


def test_versions_are_not_deleted_by_the_handful() -> None:
    added()
    said = {"action": "delete_selected", "_selected_action": [PolicyVersion.objects.first()]}
    client().post(POLICY, {**said, "post": "yes"})
    assert PolicyVersion.objects.count() == 2


def test_reviews_left_to_lapse_stand_on_the_sellers_record() -> None:
    """R17."""
    case = make.dispute(free_return=False)
    workflow.lapse(case, at=T0 + timedelta(days=3))
    answer = client().get(reverse("admin:returns_seller_change", args=[case.seller_id]))
    assert ">1<" in "".join(answer.content.decode().split())
    cases = f"{LIST}?seller__id__exact={case.seller_id}"
    assert cases in answer.content.decode()
    make.dispute()
    assert list(client().get(cases).context["cl"].result_list) == [case]
