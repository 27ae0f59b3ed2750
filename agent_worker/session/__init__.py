"""One agent in one room: the shell around the deciding machines."""

from agent_worker.session.agent_session import AgentSession
from agent_worker.session.handle import SpeechHandle
from agent_worker.speech.options import SpeechOptions

__all__ = ["AgentSession", "SpeechHandle", "SpeechOptions"]
