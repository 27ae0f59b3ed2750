"""coturn, as Debian has it, on this machine alone."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.missing import missing
from tests.support.stack import free_port

SECRET = "turn-test-secret"
_CONFIGURATION = """
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port={port}
min-port=43000
max-port=43999
realm=voice.test
use-auth-secret
static-auth-secret={secret}
fingerprint
no-tls
no-dtls
no-cli
no-rfc5780
no-multicast-peers
allow-loopback-peers
allowed-peer-ip=127.0.0.1
no-software-attribute
userdb={folder}/turndb
pidfile={folder}/turn.pid
log-file={folder}/turn.log
simple-log
verbose
"""


@dataclass(frozen=True)
class Turn:
    """A running relay."""

    port: int
    log: Path

    def url(self, transport: str) -> str:
        return f"turn:127.0.0.1:{self.port}?transport={transport}"


@contextmanager
def coturn(folder: Path) -> Iterator[Turn]:
    if shutil.which("turnserver") is None:
        missing("coturn is needed: apt-get install coturn")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration, log = folder / "turn.conf", folder / "turn.log"
    configuration.write_text(_CONFIGURATION.format(port=port, secret=SECRET, folder=folder))
    server = subprocess.Popen(
        ["turnserver", "-c", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + 20
        while not (log.exists() and "UDP listener opened" in log.read_text()):
            assert server.poll() is None, log.read_text() if log.exists() else "turnserver ended"
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield Turn(port, log)
    finally:
        server.terminate()
        server.wait(10)
