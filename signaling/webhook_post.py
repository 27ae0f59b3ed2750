"""Posts notices to one receiver: signed, without following redirects, and to private addresses only when allowed.

A shell around `webhooks`. The name of the receiver is resolved here, and the very address that was judged is
connected to, so that a name cannot mean something else a moment later (DNS rebinding).
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable

import httpx

from signaling.links import new_id
from signaling.reports import Report
from signaling.webhooks import Deliveries, Notice, Verdict, WebhookSettings, is_public, notice_of

logger = logging.getLogger(__name__)


class ForbiddenTargetError(Exception):
    """The receiver's name means an address of a private network."""


class WebhookPost:
    """One receiver.

    Args:
        url: Where notices are posted.
        settings: How patiently.
        sign: Makes the token that vouches for a body.
    """

    def __init__(self, url: str, settings: WebhookSettings, sign: Callable[[bytes], str]) -> None:
        self._url = httpx.URL(url)
        self._settings = settings
        self._sign = sign
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.deliveries = Deliveries(settings)

    def hear(self, report: Report) -> None:
        """Something has happened that the receiver may want to know; never waits."""
        notice = notice_of(report, name=new_id("EV"), wall=time.time())
        if notice is not None:
            self.deliveries.note(notice)
            self._idle.clear()
            self._changed.set()

    async def run(self) -> None:
        """Deliver, until cancelled."""
        loop = asyncio.get_running_loop()
        timeout = httpx.Timeout(self._settings.timeout)
        async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client:
            while True:
                self._changed.clear()
                notice = self.deliveries.advance(loop.time())
                if notice is not None:
                    status = await self._post(client, notice)
                    if self.deliveries.settle(status, loop.time()) is Verdict.FAILED:
                        logger.warning("webhook %s is given up: %s did not take it", notice.event, self._url.host)
                    if self.deliveries.is_idle:
                        self._idle.set()
                    continue
                try:
                    async with asyncio.timeout_at(self.deliveries.deadline):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    async def wait_idle(self) -> None:
        """Until everything is delivered or given up."""
        await self._idle.wait()

    async def _post(self, client: httpx.AsyncClient, notice: Notice) -> int | None:
        """The status of the answer; None when there was none."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                url, extensions = await self._target()
                headers = {
                    "Host": self._url.netloc.decode(),
                    "Authorization": f"Bearer {self._sign(notice.body)}",
                    "Content-Type": "application/json",
                    "User-Agent": "agent-worker-signaling",
                }
                request = client.build_request(
                    "POST", url, content=notice.body, headers=headers, extensions=extensions
                )
                response = await client.send(request, stream=True)
                # What the receiver says is of no interest, and might never end.
                await response.aclose()
        except ForbiddenTargetError:
            logger.warning("webhook to %s: its address is private (--webhook-allow-private)", self._url.host)
            return 403
        except (httpx.HTTPError, OSError, TimeoutError) as exc:
            logger.info("webhook to %s: %s", self._url.host, type(exc).__name__)
            return None
        return response.status_code

    async def _target(self) -> tuple[httpx.URL, dict[str, str]]:
        """The receiver by its address, and the name that its certificate must have.

        Raises:
            ForbiddenTargetError: The address is private.
            OSError: The name cannot be resolved.
        """
        loop = asyncio.get_running_loop()
        host, port = self._url.host, self._url.port or (443 if self._url.scheme == "https" else 80)
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(sockaddr[0]) for _, _, _, _, sockaddr in found]
        allowed = [one for one in addresses if self._settings.allow_private or is_public(one)]
        if not allowed:
            raise ForbiddenTargetError
        return self._url.copy_with(host=allowed[0]), {"sni_hostname": host}
