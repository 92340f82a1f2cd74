"""A connection to a server that outlives its sockets: requests and their replies by id. When the socket is lost, the next
one resumes all sessions and what has no reply is sent again, unchanged; the server runs no tick twice. Not thread-safe.
"""

from __future__ import annotations

import itertools
import time
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from worldstep.errors import WorldstepError
from worldstep.wire import PROTOCOL, SUBPROTOCOL, Message, decode, encode

# The server closed because of what we sent: to send it again would only repeat that.
OUR_FAULT = (1003, 1007, 1009)
CLOSE_SECONDS = 1.0
BACKOFF_SECONDS = (0.05, 2.0)  # first, longest


class Request(NamedTuple):
    """A message without its id. It must be safe to send twice."""

    type: str
    fields: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray] = {}


Outcome = Union[Message, WorldstepError]


class SocketLost(Exception):
    """Nobody knows whether what was sent has been run."""


class Connection:
    """Connects at once. Raises `connection_refused`.

    `timeout`: seconds that a call may take, with all its reconnecting. `hello` is the server's; `worlds` are its worlds by id.
    """

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        self.url = url
        self.timeout = timeout
        self._ids = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self._gone: dict[str, WorldstepError] = {}
        self._complaint: Optional[WorldstepError] = None
        self._closed = False
        self._socket: Optional[ClientConnection] = None
        try:
            self._dial(time.monotonic() + timeout)
        except SocketLost as lost:
            facts = {"url": url}
            raise WorldstepError("connection_refused", str(lost), facts, "check the address and the version") from lost

    @property
    def worlds(self) -> dict[str, dict[str, Any]]:
        return {world["id"]: world for world in self.hello["worlds"]}

    def open(self, world: str, count: int = 1) -> list[str]:
        """Opens sessions, all of them or none: their ids."""
        outcomes = self.call_all([Request("open", {"world": world})] * count)
        opened = [reply.header["session"] for reply in outcomes if isinstance(reply, Message)]
        for error in outcomes:
            if isinstance(error, WorldstepError):
                self.free(opened)
                raise error
        return opened

    def free(self, sessions: Sequence[str]) -> None:
        """Closes sessions. If no connection can be had soon, the server closes them itself after a while."""
        known = [session for session in sessions if session in self._tokens]
        try:
            self.call_all([Request("close", {"session": session}) for session in known], CLOSE_SECONDS)
        except WorldstepError:
            pass  # what can't be told can't be freed either
        for session in known:
            self._tokens.pop(session, None)

    def call_all(self, requests: Sequence[Request], timeout: Optional[float] = None) -> list[Outcome]:
        """The reply or the error of each request; all are sent before the first reply is awaited.

        Raises `connection_lost` and `request_timeout`; the same call again runs no tick twice. `timeout`: seconds, default
        the connection's.
        """
        if self._closed:
            raise WorldstepError("env_closed", "the connection is closed", {}, "open a new one")
        if not requests:
            return []
        outcomes: list[Optional[Outcome]] = [None] * len(requests)
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        pause, longest = BACKOFF_SECONDS
        while True:
            try:
                if self._socket is None:
                    self._dial(deadline)
                    self._resume(deadline)
                self._exchange(requests, outcomes, deadline)
                return outcomes  # type: ignore[return-value]
            except SocketLost as lost:
                self._drop()
                if time.monotonic() + pause > deadline:
                    remedy = "check that the server runs, and call again"
                    raise WorldstepError("connection_lost", str(lost), {"url": self.url}, remedy) from lost
            time.sleep(pause)
            pause = min(2 * pause, longest)

    def close(self) -> None:
        """Closes all sessions and the socket."""
        if not self._closed:
            self.free(list(self._tokens))
        self._closed = True
        self._drop()

    def _dial(self, deadline: float) -> None:
        self._complaint = None
        try:
            # Entered because websockets wants a `with`; `_drop` closes.
            self._socket = connect(
                self.url,
                subprotocols=[SUBPROTOCOL],
                compression=None,
                open_timeout=max(0.0, deadline - time.monotonic()),
                close_timeout=CLOSE_SECONDS,
                max_size=None,
                max_queue=None,  # always read, so that pings are answered; what may come is bounded by what we ask
            ).__enter__()
        except (OSError, WebSocketException) as error:  # TimeoutError is an OSError
            raise SocketLost(f"no connection to {self.url}: {error or type(error).__name__}") from error
        try:
            self.hello = self._receive(deadline).header
        except WorldstepError as error:
            raise SocketLost(f"{self.url} did not say hello: {error}") from error
        if self.hello["type"] != "hello" or self.hello.get("protocol") != PROTOCOL:
            self._drop()
            raise SocketLost(f"{self.url} does not speak {PROTOCOL}")

    def _resume(self, deadline: float) -> None:
        tokens = dict(self._tokens)
        outcomes: list[Optional[Outcome]] = [None] * len(tokens)
        requests = [Request("resume", {"session": session, "token": token}) for session, token in tokens.items()]
        self._exchange(requests, outcomes, deadline)
        for session, outcome in zip(tokens, outcomes):
            if isinstance(outcome, WorldstepError):
                self._let_go(session, outcome)

    def _exchange(self, requests: Sequence[Request], outcomes: list[Optional[Outcome]], deadline: float) -> None:
        """Sends the requests that have no outcome, and fills in the outcomes as they come."""
        waiting = {}
        for i, request in enumerate(requests):
            if outcomes[i] is None:
                outcomes[i] = self._gone.get(request.fields.get("session", ""))
            if outcomes[i] is None:
                waiting[self._send(request)] = i
        while waiting:
            message = self._receive(deadline)
            error = _error(message)
            i = waiting.pop(message.header.get("id"), None)
            if i is not None:
                outcomes[i] = error or message
                if message.header["type"] == "opened":  # known from now on, should the next socket have to resume it
                    self._tokens[message.header["session"]] = message.header["token"]
            elif error is not None and "id" not in message.header:
                if "session" in message.header:
                    self._let_go(message.header["session"], error)
                else:
                    self._complaint = error

    def _send(self, request: Request) -> int:
        id = next(self._ids)
        data = encode({"type": request.type, "id": id, **request.fields}, request.tensors)
        limit = self.hello["limits"]["maxMessageBytes"]
        if len(data) > limit:
            message = f"a {request.type} of {len(data)} bytes; the server takes {limit}"
            raise WorldstepError("message_too_big", message, {"bytes": len(data), "maxMessageBytes": limit}, "send less")
        try:
            self._socket.send(data)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        return id

    def _receive(self, deadline: float) -> Message:
        try:
            data = self._socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            return decode(data)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        except TimeoutError as error:
            # Without its socket the server forgets what has not begun; the next call resumes behind what has.
            self._drop()
            message = f"no reply from {self.url} in time"
            facts = {"timeout": self.timeout}
            raise WorldstepError("request_timeout", message, facts, "call again, or give more time") from error
        except WorldstepError:
            self._drop()  # nothing behind it can be trusted
            raise

    def _lost(self, closed: ConnectionClosed) -> Exception:
        code = closed.rcvd.code if closed.rcvd else 1006
        if code in OUR_FAULT:
            self._drop()
            facts = {"closeCode": code}
            return self._complaint or WorldstepError("connection_lost", f"the server closed with {code}", facts)
        return SocketLost(f"the connection to {self.url} was lost (close code {code})")

    def _let_go(self, session: str, error: WorldstepError) -> None:
        self._tokens.pop(session, None)
        self._gone[session] = error

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _error(message: Message) -> Optional[WorldstepError]:
    header = message.header
    if header["type"] != "error":
        return None
    return WorldstepError(header["code"], header["message"], header["facts"], header["remedy"])
