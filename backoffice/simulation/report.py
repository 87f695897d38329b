"""What a simulation tells: how it goes, live, and what came of it, as tables or as JSON."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Self

from django.db.models import Count, QuerySet
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backoffice.invariants import Violation
from backoffice.simulation.driver import Driver
from backoffice.simulation.people import Story
from refunds.models import Refund
from refunds.states import RefundState
from returns.models import Case, Entry
from returns.states import TERMINAL, Actor, Event, Resolution, State, TermsOutcome

CHUNK = 2_000
#: Real seconds between two pictures on a terminal, and between two lines elsewhere.
PICTURE, LINE = 0.2, 5.0


@dataclass
class Summary:
    """What came of it. All but `real` is the same for the same seed."""

    disputes: int
    cases: int
    outcomes: dict[str, int]
    still_open: dict[str, int]
    terms: dict[str, int]
    refused: dict[str, int]
    days_to_refund: dict[str, Any]
    deadlines: dict[str, int]
    rules: dict[str, dict[str, int]]
    too_late: dict[str, int]
    couriers: dict[str, Any]  # by their own book
    real: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summary(
    cases: QuerySet[Case],
    stories: Iterable[Story],
    too_late: Mapping[str, int],
    couriers: Mapping[str, Any],
) -> Summary:
    """Count what became of these cases and stories, by what the database says."""
    stories = list(stories)
    return Summary(
        disputes=len(stories),
        cases=cases.count(),
        outcomes=_ordered(_counts(cases.exclude(resolution=""), "resolution"), Resolution.values),
        still_open=_ordered(_counts(cases.exclude(state__in=TERMINAL), "state"), State.values),
        terms=_ordered(_counts(cases, "terms"), TermsOutcome.values),
        refused=dict(sorted(Counter(one.refused for one in stories if one.refused).items())),
        days_to_refund=_days_to_refund(cases),
        deadlines=_ordered(_deadlines(cases), Event.values),
        rules=_rules(cases),
        too_late=dict(sorted(too_late.items())),
        couriers=dict(couriers),
    )


def _counts(rows: QuerySet[Any], column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(Count("id")))


def _ordered(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    return {name: counts[name] for name in names if name in counts}


def _days_to_refund(cases: QuerySet[Case]) -> dict[str, Any]:
    """From approval to the money, in days (R27)."""
    paid = Refund.objects.filter(case__in=cases, state=RefundState.PAID)
    days = sorted(
        (paid_at - approved_at) / timedelta(days=1)
        for paid_at, approved_at in paid.values_list("paid_at", "entry__at").iterator(CHUNK)
        if paid_at
    )
    if not days:
        return {"paid": 0}
    by_day = Counter(int(day) for day in days)
    return {
        "paid": len(days),
        "min": round(days[0], 2),
        "median": round(median(days), 2),
        "max": round(days[-1], 2),
        "by_day": {str(day): by_day[day] for day in range(min(by_day), max(by_day) + 1)},
    }


def _deadlines(cases: QuerySet[Case]) -> dict[str, int]:
    """What happened by itself, because nobody did anything in time (R35)."""
    rang = Entry.objects.filter(case__in=cases, actor=Actor.CLOCK)
    return _counts(rang, "event")


def _rules(cases: QuerySet[Case]) -> dict[str, dict[str, int]]:
    """How often each rule was looked at, and how often it spoke against what was asked."""
    looked, against = Counter[str](), Counter[str]()
    findings = [cases.values_list("terms_explanation", flat=True).iterator(CHUNK)]
    by_itself = Entry.objects.filter(case__in=cases, actor=Actor.CLOCK, facts__has_key="rule")
    findings.append([facts] for facts in by_itself.values_list("facts", flat=True).iterator(CHUNK))
    for source in findings:
        for explained in source:
            for finding in explained:
                looked[finding["rule"]] += 1
                against[finding["rule"]] += not finding["holds"]
    return {rule: {"looked_at": looked[rule], "against": against[rule]} for rule in sorted(looked)}


# On the terminal ----------------------------------------------------------------------------------


class Progress:
    """How it goes: a picture that is redrawn, or a line now and then where there is no terminal."""

    def __init__(self, console: Console, *, title: str, start: datetime, until: datetime) -> None:
        self.console, self.title, self.start, self.until = console, title, start, until
        self._began = time.monotonic()
        self._shown = self._began
        # Drawn from this thread only: another one would open a database connection of its own.
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, driver: Driver) -> None:
        """Draw, when it is time to."""
        now = time.monotonic()
        if now - self._shown < (PICTURE if self.console.is_terminal else LINE):
            return
        self._shown = now
        if self.console.is_terminal:
            self._live.update(self._picture(driver), refresh=True)
        else:
            self.console.print(self._line(driver), soft_wrap=True)

    def _line(self, driver: Driver) -> str:
        opened = sum(1 for story in driver.stories if story.number)
        took = time.monotonic() - self._began
        return (
            f"{driver.now:%a %d %b %Y %H:%M}  {opened} of {len(driver.stories)} disputes opened,"
            f" {driver.open_cases} open, {driver.jumps} jumps, {took:.0f} s"
        )

    def _picture(self, driver: Driver) -> Panel:
        states = Counter(story.state for story in driver.stories if story.number)
        whole = (self.until - self.start) / timedelta(days=1)
        gone = (driver.now - self.start) / timedelta(days=1)
        rows = Table.grid(padding=(0, 2))
        most = max(states.values(), default=1)
        for state in State:
            count = states[state.value]
            blocks = Text("█" * round(30 * count / most), "cyan")
            rows.add_row(Text(state.label), Text(str(count), justify="right"), blocks)
        bar = Table.grid()
        bar.add_row(ProgressBar(total=whole, completed=min(gone, whole), width=60))
        return Panel(Group(Text(self._line(driver)), bar, rows), title=self.title, expand=False)


def print_summary(console: Console, told: Summary, broken: Iterable[Violation]) -> None:
    """The final tables."""
    over = sum(told.outcomes.values())
    outcomes = _table("Cases by outcome", "", "cases", "")
    for name, count in told.outcomes.items():
        outcomes.add_row(Resolution(name).label, str(count), _share(count, over))
    for name, count in told.still_open.items():
        outcomes.add_row(f"still open: {State(name).label}", str(count), "")
    for name, count in told.refused.items():
        outcomes.add_row(f"not opened: {name}", str(count), "")
    terms = _table("By terms", "", "cases", "")
    for name, count in told.terms.items():
        terms.add_row(TermsOutcome(name).label, str(count), _share(count, told.cases))
    console.print(outcomes, terms)
    console.print(_refund_table(told.days_to_refund))
    deadlines = _table("Deadlines that rang", "", "times")
    for name, count in told.deadlines.items():
        deadlines.add_row(Event(name).label, str(count))
    rules = _table("Rules that fired", "rule", "looked at", "spoke against")
    for rule, fired in told.rules.items():
        rules.add_row(rule, str(fired["looked_at"]), str(fired["against"]))
    console.print(deadlines, rules, courier_table(told.couriers))
    late = sum(told.too_late.values())
    console.print(
        f"{told.disputes} disputes, {told.cases} cases; {late} acts came too late and were refused."
    )
    if tasks := told.real.get("tasks"):
        handled = ", ".join(f"{name.rpartition('.')[2]} {count}" for name, count in tasks.items())
        console.print(f"Messages handled: {sum(tasks.values())} ({handled}).")
    console.print(f"It took {told.real.get('seconds', 0):.1f} s.")
    broken = list(broken)
    for violation in broken:
        console.print(f"BROKEN {violation}", style="red")
    if not broken:
        console.print("Every invariant holds.", style="green")


def courier_table(book: Mapping[str, Any]) -> Table:
    """What couriers were told, saw, said and were answered, by their own book."""
    table = _table("Couriers, by their own book", "", "times")
    for name, count in book["heard"].items():
        table.add_row(f"told: {name}", str(count))
    table.add_row("told again", str(book["heard_again"]), end_section=True)
    for name, count in book["journeys"].items():
        table.add_row(f"parcels: {name}", str(count))
    table.add_section()
    for name, count in book["reports"].items():
        table.add_row(f"seen: {name}", str(count))
    for name in ("reports_told", "reports_lost"):
        table.add_row(name.replace("_", " "), str(book[name]))
    table.add_section()
    for name, count in book["events"].items():
        table.add_row(name, str(count))
    return table


def _refund_table(days: Mapping[str, Any]) -> Table:
    table = _table("Days from approval to the money (window: 3 to 20, R27)", "day", "refunds", "")
    if not days["paid"]:
        return table
    most = max(days["by_day"].values())
    for day, count in days["by_day"].items():
        table.add_row(day, str(count), "█" * -(-40 * count // most))
    table.caption = f"min {days['min']}, median {days['median']}, max {days['max']}"
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place == 1 else "left")
    return table


def _share(count: int, whole: int) -> str:
    return f"{100 * count / whole:.0f} %" if whole else ""
