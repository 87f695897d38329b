"""The whole choreography: what must follow when something happened to a case.

Each follows in a worker, in a transaction of its own, until it is done (returns.journal). A reaction
only writes rows; banks, couriers and mail servers are called by the clock's tasks.
"""

from returns.journal import Following
from returns.notices import TOLD, tell_parties
from returns.states import Event

_follow: dict[Event, list[Following]] = {}

#: Everything that concerns a party is told to it (R34).
reactions: dict[Event, list[Following]] = {
    event: [*_follow.get(event, ()), *([tell_parties] if event in TOLD else ())]
    for event in (*_follow, *(event for event in TOLD if event not in _follow))
}
