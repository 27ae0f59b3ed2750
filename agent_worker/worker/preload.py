"""Imported once, by the fork server: whatever it has imported, each room's process has from birth.

Importing it has effects on the process, so nothing else may import it.
"""

import contextlib
import gc
import signal

from agent_worker.errors import ConfigError
from agent_worker.media import libopus
from agent_worker.vad import silero
from agent_worker.worker import orphans, room_process, voice_job
from agent_worker.worker.dry_run import dry_run
from agent_worker.worker.lifeline import LAST_GRACE
from agent_worker.worker.residence import give_back

__all__ = ["room_process", "voice_job"]

# Its one thread survives a fork. A missing model is said by the process that needs it.
with contextlib.suppress(ConfigError):
    silero.load_session()
with contextlib.suppress(ConfigError):
    libopus.load()
dry_run()

# The fork server gives its children the handlers it had before it ran: so a Ctrl-C in a terminal, which reaches every
# process of the group, finds none in which it is not yet ignored. So with systemd's SIGTERM, which reaches the whole
# unit: conversations go on while the supervisor drains.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)

orphans.outlive_parent(round(LAST_GRACE) + 2)

# What is here will live for ever: collections in the children shall not touch, and so copy, its pages.
gc.collect()
gc.freeze()
give_back()
