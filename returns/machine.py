"""What a state machine is: a start, a table of moves, and the question where an event leads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
E = TypeVar("E")


class NotNow(Exception):
    """The event has no move from the state the row is in now. Doors answer it as a conflict."""

    def __init__(
        self, state: object, event: object, allowed: Iterable[object], why: str = ""
    ) -> None:
        self.state, self.event, self.allowed, self.why = state, event, tuple(allowed), why
        super().__init__(why or f"{event} is not possible while {state}")


@dataclass(frozen=True)
class Machine(Generic[S, E]):
    """A life as one table. `moves` is the law; drawing, replaying and asking all read it."""

    start: tuple[E, S]
    moves: Mapping[tuple[S, E], S]

    def after(self, state: S, event: E) -> S:
        """Where the event leads. Raises NotNow when the table knows no such move."""
        try:
            return self.moves[state, event]
        except KeyError:
            raise NotNow(state, event, self.allowed(state)) from None

    def allowed(self, state: S) -> tuple[E, ...]:
        """The events the table knows from this state, in the table's order."""
        return tuple(event for source, event in self.moves if source == state)

    def replay(self, events: Iterable[E]) -> S | None:
        """The state a journal of events leads to; None for an empty one. Raises NotNow."""
        state: S | None = None
        for event in events:
            if state is None:
                if event != self.start[0]:
                    raise NotNow(None, event, (self.start[0],))
                state = self.start[1]
            else:
                state = self.after(state, event)
        return state
