"""The links of this server: to whom a message goes, and who is still there to take it.

A shell without waiting, as links are. The node decides; what it decides for participants and workers goes out here.
"""

import logging

from signaling.credentials import Credentials
from signaling.errors import CLOSE_CODES, ErrorCode
from signaling.jobs import AssignJob
from signaling.links import Link, WorkerLink
from signaling.room_messages import Left
from signaling.worker_messages import Draining, JobAssign

logger = logging.getLogger(__name__)


class Switchboard:
    """The links.

    Args:
        credentials: Makes the tokens of agents.

    Attributes:
        participants: By session.
        workers: By session.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.participants: dict[str, Link] = {}
        self.workers: dict[str, WorkerLink] = {}

    def close(self, sid: str, code: int, reason: str) -> None:
        """End a participant's session after what is queued for it was sent."""
        link = self.participants.pop(sid, None)
        if link is not None:
            link.close(code, reason)

    def close_worker(self, session: str, code: ErrorCode) -> None:
        """End a worker's session after what is queued for it was sent."""
        link = self.workers.pop(session, None)
        if link is not None:
            link.close(CLOSE_CODES[code], code)

    def assign(self, action: AssignJob) -> None:
        """Give a worker a job, with a token for its agent."""
        link = self.workers.get(action.session)
        if link is None:
            return
        claims = self._credentials.agent(action)
        logger.info("> job %s (epoch %d) for room %s is assigned", action.job, action.epoch, action.room)
        message = JobAssign(
            job=action.job,
            epoch=action.epoch,
            token=self._credentials.sign(claims),
            url=link.room_url,
            ice=self._credentials.ice(claims.sub),
        )
        link.send(message)

    def say_goodbye(self) -> None:
        """Tell everybody that this server stops, and end all sessions."""
        code = ErrorCode.SERVER_DRAINING
        for sid, link in list(self.participants.items()):
            link.send(Left(reason=code, action="rejoin", retry_after_ms=1000))
            self.close(sid, CLOSE_CODES[code], code)
        for session, link in list(self.workers.items()):
            link.send(Draining())
            self.close_worker(session, code)
