"""What goes on, counted, and passed on to whoever observes it.

Pure, apart from what the observers do. Counters only rise; what is now (rooms, participants) is asked of the node.
"""

from collections import Counter
from collections.abc import Callable

from signaling.errors import ErrorCode
from signaling.reports import JobChanged, ParticipantJoined, Refused, Report


class Watch:
    """Counts what happens.

    Args:
        observers: Hear each report; they neither wait nor raise.

    Attributes:
        received: Messages from sockets.
        sent: Messages to sockets.
        sockets: Open now.
        joins: By kind of participant.
        refusals: By code.
        dispatches: How often a job got there.
    """

    def __init__(self, *observers: Callable[[Report], None]) -> None:
        self._observers = observers
        self.received = 0
        self.sent = 0
        self.sockets = 0
        self.joins: Counter[str] = Counter()
        self.refusals: Counter[ErrorCode] = Counter()
        self.dispatches: Counter[str] = Counter()

    def hear(self, report: Report) -> None:
        """Something has happened."""
        match report:
            case Refused(code=code):
                self.refusals[code] += 1
            case JobChanged(op=op):
                self.dispatches[op] += 1
            case ParticipantJoined(participant=participant):
                self.joins[participant.kind] += 1
            case _:
                pass
        for observe in self._observers:
            observe(report)
