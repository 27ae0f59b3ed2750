"""The server's certificate: two files -> what it speaks TLS with. Some clients connect to wss:// alone."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from agent_worker.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """A certificate and its key, PEM."""

    cert: Path
    """The certificate and, behind it, those that lead to its root."""
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server speaks TLS with.

        Raises:
            ConfigError: A file cannot be read, or the two do not belong together.

        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"cannot use the certificate {self.cert} with the key {self.key}: {error}; both are PEM files"
            ) from error
        return context
