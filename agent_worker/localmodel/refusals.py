"""Why a client's event is refused: raised where it is read, told to the client as the protocol's `error` event."""

from agent_worker.errors import ProtocolError


class EventRefusedError(ProtocolError):
    """A client's event cannot be obeyed; the connection stays.

    Attributes:
        code: The protocol's word for it, such as "invalid_value".
        param: The path of the offending value, such as "session.type", or None.

    """

    def __init__(self, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param
