"""One agent in one room: the shell around the deciding machines. Its events are in `session.events`."""

from agent_worker.session.agent_session import AgentSession
from agent_worker.session.handle import SpeechHandle
from agent_worker.session.job import Job
from agent_worker.speech.options import OptionChanges, SpeechOptions, TurnMode
from agent_worker.speech.queue import Priority

__all__ = ["AgentSession", "Job", "OptionChanges", "Priority", "SpeechHandle", "SpeechOptions", "TurnMode"]
