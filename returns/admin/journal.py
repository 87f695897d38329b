"""Journal, what must follow from it, and the mail: read-only, but what rests is run again."""

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from returns import clock, journal
from returns.admin.readonly import ReadOnly
from returns.models import Entry, Notice, Reaction


@admin.register(Entry)
class EntryAdmin(ReadOnly, admin.ModelAdmin[Entry]):
    """The timelines of all cases (R33)."""

    list_display = ("case", "at", "actor", "by", "event", "state")
    list_filter = ("actor", "event")
    search_fields = ("case__number", "by")
    list_select_related = ("case",)
    show_full_result_count = False
    list_per_page = 50


class Progress(admin.SimpleListFilter):
    """Done, waiting or resting."""

    title = "progress"
    parameter_name = "progress"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Reaction]
    ) -> list[tuple[str, str]]:
        """Resting first: it waits for a person."""
        return [("resting", "Resting"), ("waiting", "Waiting"), ("done", "Done")]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Reaction]
    ) -> models.QuerySet[Reaction]:
        """Nonsense chooses nothing."""
        done = {"done": False, "waiting": True, "resting": True}.get(self.value() or "")
        if done is None:
            return queryset
        due = {} if self.value() == "done" else {"next_try_at__isnull": self.value() == "resting"}
        return queryset.filter(done_at__isnull=done, **due)


@admin.register(Reaction)
class ReactionAdmin(ReadOnly, admin.ModelAdmin[Reaction]):
    """What must follow elsewhere; after five failures it rests until somebody runs it again."""

    list_display = (
        "name",
        "case",
        "created_at",
        "attempts",
        "next_try_at",
        "done_at",
        "last_error",
    )
    list_filter = (Progress, "name")
    search_fields = ("case__number", "last_error")
    list_select_related = ("case",)
    show_full_result_count = False
    list_per_page = 50
    actions = ("run_again",)

    @admin.action(description="Run again", permissions=["run_again"])
    def run_again(self, request: HttpRequest, reactions: models.QuerySet[Reaction]) -> None:
        """Those that rest are due at once; the others take care of themselves."""
        resting = [reaction for reaction in reactions if reaction.resting]
        for reaction in resting:
            journal.run_again(reaction, at=clock.now())
            self.log_change(request, reaction, "Run again.")
        done = messages.SUCCESS if resting else messages.WARNING
        self.message_user(
            request, f"{len(resting)} of those chosen rested and run again now.", done
        )

    def has_run_again_permission(self, request: HttpRequest) -> bool:
        """Whoever may change reactions, though nobody may edit them."""
        return request.user.has_perm("returns.change_reaction")


@admin.register(Notice)
class NoticeAdmin(ReadOnly, admin.ModelAdmin[Notice]):
    """The mail as it was written (R34)."""

    list_display = (
        "subject",
        "party",
        "address",
        "created_at",
        "sent_at",
        "attempts",
        "last_error",
    )
    list_filter = ("party", ("sent_at", admin.EmptyFieldListFilter))
    search_fields = ("case__number", "address", "subject")
    fields = (
        *("case", "party", "address", "subject", "text"),
        *("created_at", "next_try_at", "attempts", "sent_at", "last_error"),
    )
    show_full_result_count = False
    list_per_page = 50
