"""A connection to a server that outlives its sockets: requests and their replies by id. When the socket is lost, the next
one resumes all sessions and what has no reply is sent again, unchanged; the server runs no tick twice.

It may be interrupted anywhere (Ctrl-C, an alarm): what it then had under way on the socket nobody knows, so the next call
begins on a new one. For one thread at a time, and one process: after a fork the child begins with nothing.
"""

from __future__ import annotations

import _thread
import contextlib
import itertools
import math
import os
import sys
import threading
import time
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from worldstep.dialling import CLOSE_SECONDS, FAILURES, Dialler, cut, is_final, patient
from worldstep.errors import WorldstepError
from worldstep.patience import Patience
from worldstep.table import OPENING, OUR_FAULT, PROTOCOL
from worldstep.wire import Message, decode, encode

BACKOFF_SECONDS = (0.05, 1.0)  # first, longest
# Errors after which a session is no longer ours, for good.
GONE = ("session_unknown", "session_closed", "session_idle", "session_not_owned", "session_taken_over")


class Request(NamedTuple):
    """A message without its id. It must be safe to send twice."""

    type: str
    fields: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray] = {}


Outcome = Union[Message, WorldstepError]


class SocketLost(Exception):
    """Nobody knows whether what was sent has been run. `error` is what it is to a caller who can't try again."""

    def __init__(self, error: WorldstepError) -> None:
        super().__init__(error.message)
        self.error = error


class Connection:
    """Connects at once. Raises `connection_refused`.

    `timeout`: seconds that a call may take, with all its reconnecting. `token` and `proxy` are those of `WorldstepEnv`.
    `hello` is the server's; `worlds` are its worlds by id.
    """

    def __init__(
        self, url: str, timeout: float = 60.0, token: Optional[str] = None, proxy: Union[str, bool, None] = True
    ) -> None:
        self._socket: Optional[ClientConnection] = None
        self._closed = False
        self._process = os.getpid()
        self.timeout = timeout
        self._dialler = Dialler(url, token, proxy)
        self.url = self._dialler.shown
        self._ids = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self._gone: dict[str, WorldstepError] = {}
        self._complaint: Optional[WorldstepError] = None
        self._caller: Optional[int] = None  # the thread that is in a call
        self._clean = True  # whether all that was sent on the socket has been answered
        try:
            with self.one_call():
                self._dial()
        except SocketLost as lost:
            self._cut()
            raise WorldstepError("connection_refused", str(lost), lost.error.facts, lost.error.remedy) from lost
        except BaseException:
            self._cut()
            raise

    @property
    def worlds(self) -> dict[str, dict[str, Any]]:
        return {world["id"]: world for world in self.hello["worlds"]}

    @contextlib.contextmanager
    def one_call(self, seconds: Optional[float] = None) -> Iterator[None]:
        """Everything that is sent is sent in one of these. It may take `seconds`, default the connection's timeout.

        Raises `env_closed`, and `request_over_limit` while another thread is in one.
        """
        if self._closed:
            raise env_closed()
        if os.getpid() != self._process:
            self._forget()
        me = threading.get_ident()
        if self._caller not in (None, me):
            message = "another thread is in a call on this connection"
            raise WorldstepError("request_over_limit", message, {}, "wait for it, or give each thread an env of its own")
        try:
            self._caller = me
            if not self._clean:
                self._cut()
            self._patience = Patience(self.timeout if seconds is None else seconds)
            yield
        finally:
            self._caller = None

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
        """Closes sessions. If no connection can be had, the server closes them itself after a while."""
        known = [session for session in sessions if session in self._tokens]
        with contextlib.suppress(WorldstepError):  # what can't be told can't be freed either
            self.call_all([Request("close", {"session": session}) for session in known])
        for session in known:
            self._tokens.pop(session, None)

    def take(self, session: str, token: str) -> None:
        """Takes a session over from another connection."""
        with self.one_call():
            [outcome] = self.call_all([Request("resume", {"session": session, "token": token})])
        if isinstance(outcome, WorldstepError):
            raise outcome
        self._tokens[session] = token

    def give(self, session: str) -> None:
        """Leaves a session to whoever takes it over."""
        self._tokens.pop(session, None)

    def is_gone(self, session: str) -> bool:
        """Whether `session` was lost for good: the server was restarted, say, or this is the child of a fork."""
        return session in self._gone

    def call_all(self, requests: Sequence[Request], sending: Callable[[], None] = lambda: None) -> list[Outcome]:
        """The reply or the error of each request; all are sent before the first reply is awaited. `sending` is called before.

        Raises `connection_lost`, `connection_refused` and `request_timeout`; the same call again runs no tick twice.
        """
        if not requests:
            return []
        outcomes: list[Optional[Outcome]] = [None] * len(requests)
        pause, longest = BACKOFF_SECONDS
        self._clean = False
        while True:
            if self._closed:  # meanwhile, by another thread or by who interrupted this one
                self._cut()
                raise env_closed()
            try:
                if self._socket is None:
                    self._dial()
                    self._resume()
                sending()
                with patient(self._held()):
                    self._exchange(requests, outcomes)
                self._clean = True
                return outcomes  # type: ignore[return-value]
            except SocketLost as lost:
                self._cut()
                left = self._patience.left()
                if left == 0:
                    remedy = "check that the server runs, and call again"
                    raise WorldstepError("connection_lost", str(lost), lost.error.facts, remedy) from lost
                self._patience.tell(str(lost), "trying again, to go on where it was,")
            time.sleep(min(pause, left))
            pause = min(2 * pause, longest)

    def close(self) -> None:
        """Closes all sessions and the socket, in a second or two whatever happens. A call of another thread fails."""
        if self._closed:
            return
        try:
            ours = os.getpid() == self._process
            if ours and self._caller in (None, threading.get_ident()):
                with contextlib.suppress(WorldstepError), self.one_call(CLOSE_SECONDS):
                    self.free(list(self._tokens))
                    if self._socket is not None:
                        self._socket.close()
        finally:
            self._closed = True
            self._cut()

    def __del__(self) -> None:
        """Who forgets to close leaves no sessions open on the server."""
        socket = getattr(self, "_socket", None)
        if socket is None or self._closed or os.getpid() != self._process:
            return
        if self._clean and not sys.is_finalizing():
            farewell = [encode({"type": "close", "id": next(self._ids), "session": session}, {}) for session in self._tokens]
            # The collector may run in the middle of anything, the socket's own locks included: so not in this thread.
            _thread.start_new_thread(part, (socket, farewell))
        else:
            cut(socket)

    def __reduce_ex__(self, _: Any) -> Any:
        raise TypeError("a connection to a server can't be copied or pickled: make the env where it is used, from its url")

    def _dial(self) -> None:
        self._complaint = None
        patience = self._patience
        attempt = self._dialler.dial(patience.left())
        try:
            while not attempt.is_over(max(patience.slice(), min(1.0, patience.left()))):
                patience.tell(f"no answer from {self.url}", "waiting")
                if patience.left() == 0:
                    raise SocketLost(self._dialler.refused(TimeoutError("no answer in time")))
            self._socket = attempt.socket
        except BaseException:
            attempt.give_up()
            raise
        error = attempt.error
        if error is not None:
            if not isinstance(error, FAILURES):
                raise error
            refused = self._dialler.refused(error)
            raise (refused if is_final(error) else SocketLost(refused)) from error
        try:
            self.hello = self._receive().header
        except WorldstepError as error:
            raise SocketLost(self._dialler.refused(error)) from error
        if self.hello["type"] != "hello" or self.hello.get("protocol") != PROTOCOL:
            raise SocketLost(self._dialler.refused(ConnectionError(f"it does not speak {PROTOCOL}")))

    def _resume(self) -> None:
        tokens = dict(self._tokens)
        outcomes: list[Optional[Outcome]] = [None] * len(tokens)
        requests = [Request("resume", {"session": session, "token": token}) for session, token in tokens.items()]
        self._exchange(requests, outcomes)
        for session, outcome in zip(tokens, outcomes):
            if isinstance(outcome, WorldstepError):
                self._let_go(session, outcome)

    def _exchange(self, requests: Sequence[Request], outcomes: list[Optional[Outcome]]) -> None:
        """Sends the requests that have no outcome, as many at a time as the server lets wait, and fills in the outcomes."""
        most = self.hello["limits"].get("maxQueuedBytes", math.inf)
        waiting: dict[int, tuple[int, int]] = {}  # of each request that was sent: its index and its bytes
        for i, request in enumerate(requests):
            if outcomes[i] is None:
                outcomes[i] = self._gone.get(request.fields.get("session", ""))
            if outcomes[i] is None:
                id = next(self._ids)
                data = self._encoded(request, id)
                while waiting and sum(size for _, size in waiting.values()) + len(data) > most:
                    self._take(requests, outcomes, waiting)
                self._send(data)
                waiting[id] = (i, len(data))
        while waiting:
            self._take(requests, outcomes, waiting)

    def _take(
        self, requests: Sequence[Request], outcomes: list[Optional[Outcome]], waiting: dict[int, tuple[int, int]]
    ) -> None:
        """The next message, whatever it is about."""
        message = self._receive()
        error = _error(message)
        i, _ = waiting.pop(message.header.get("id"), (None, 0))
        if i is not None:
            session = requests[i].fields.get("session")
            if error is not None and error.code in GONE and session is not None:
                error = self._let_go(session, error)
            outcomes[i] = error or message
            if message.header["type"] in OPENING:  # known from now on, should the next socket have to resume it
                self._tokens[message.header["session"]] = message.header["token"]
        elif error is not None and "id" not in message.header:
            if "session" in message.header:
                self._let_go(message.header["session"], error)
            else:
                self._complaint = error

    def _encoded(self, request: Request, id: int) -> bytes:
        data = encode({"type": request.type, "id": id, **request.fields}, request.tensors)
        limit = self.hello["limits"]["maxMessageBytes"]
        if len(data) > limit:
            message = f"a {request.type} of {len(data)} bytes; the server takes {limit}"
            raise WorldstepError("message_too_big", message, {"bytes": len(data), "maxMessageBytes": limit}, "send less")
        return data

    def _send(self, data: bytes) -> None:
        try:
            self._held().send(data)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed

    def _receive(self) -> Message:
        patience, socket = self._patience, self._held()
        while True:
            slice = patience.slice()
            began = time.monotonic()
            try:
                message = decode(socket.recv(timeout=slice))
            except ConnectionClosed as closed:
                raise self._lost(closed) from closed
            except TimeoutError as error:
                if time.monotonic() - began < slice - 0.01:
                    raise  # not that of `recv`: an alarm of the caller's
                patience.tell(f"no reply from {self.url}", "waiting")
                if patience.left() == 0:
                    # Without its socket the server forgets what has not begun; the next call resumes behind what has.
                    self._cut()
                    message = f"no reply from {self.url} in time"
                    facts = {"timeout": patience.seconds}
                    raise WorldstepError("request_timeout", message, facts, "call again, or give more time") from error
            else:
                patience.good_news()
                return message

    def _held(self) -> ClientConnection:
        if self._socket is None:
            raise SocketLost(WorldstepError("connection_lost", f"the connection to {self.url} was cut", {"url": self.url}))
        return self._socket

    def _lost(self, closed: ConnectionClosed) -> Exception:
        cause = closed.__cause__
        if isinstance(cause, Exception) and not isinstance(cause, FAILURES + (EOFError,)):
            return cause  # what interrupted a send: an alarm of the caller's
        code = closed.rcvd.code if closed.rcvd else 1006
        if code in OUR_FAULT:
            return self._complaint or WorldstepError("connection_lost", f"the server closed with {code}", {"closeCode": code})
        message = f"the connection to {self.url} was lost (close code {code})"
        return SocketLost(WorldstepError("connection_lost", message, {"url": self.url, "closeCode": code}))

    def _let_go(self, session: str, error: WorldstepError) -> WorldstepError:
        remedy = "reset() begins a new episode in a new session"
        self._tokens.pop(session, None)
        self._gone[session] = WorldstepError(error.code, error.message, error.facts, remedy)
        return self._gone[session]

    def _forget(self) -> None:
        """In the child of a fork: the socket and the sessions are the parent's."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.socket.close()  # this process's end alone: what it shares with the parent is not shut down
        self._process, self._caller, self._clean = os.getpid(), None, True
        for session in list(self._tokens):
            message = f"session {session} belongs to the process that this one was forked from"
            self._let_go(session, WorldstepError("session_not_owned", message, {"session": session}))

    def _cut(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None and os.getpid() == self._process:
            cut(socket)


def part(socket: ClientConnection, farewell: Sequence[bytes]) -> None:
    """Sends what is last to be said, and closes."""
    with contextlib.suppress(ConnectionClosed):
        for data in farewell:
            socket.send(data)
        socket.close()


def env_closed() -> WorldstepError:
    return WorldstepError("env_closed", "the connection is closed", {}, "open a new one")


def _error(message: Message) -> Optional[WorldstepError]:
    header = message.header
    if header["type"] != "error":
        return None
    return WorldstepError(header["code"], header["message"], header["facts"], header["remedy"])
