"""Whether this server is well, for load balancers and those who restart what is not."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from signaling.errors import ErrorCode, MessageError
from signaling.node import Node


class Health:
    """The two questions.

    Args:
        node: Who is asked.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    async def health(self, _: Request) -> Response:
        """The process is alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """New rooms and workers are welcome, and the engine answers; says how many of both there are."""
        if self._node.is_draining:
            raise MessageError(ErrorCode.SERVER_DRAINING, "this server is about to stop")
        await self._node.cluster.check()
        workers = sum(worker.lost_at is None for worker in self._node.workers())
        return JSONResponse({"status": "ready", "rooms": len(self._node.rooms()), "workers": workers})
