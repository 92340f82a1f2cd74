"""Opens WebSockets to a server: through which proxy, with which token, and what it means where that fails."""

from __future__ import annotations

import _thread
import contextlib
import ipaddress
import logging
import os
import re
import socket as sockets
import ssl
from queue import Empty, SimpleQueue
from typing import Callable, Iterator, Optional, Union
from urllib.parse import urlsplit

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

try:
    from websockets.proxy import get_proxy
except ImportError:  # websockets 15
    from websockets.uri import get_proxy
from websockets.uri import parse_uri

from worldstep.errors import WorldstepError
from worldstep.table import SUBPROTOCOL

CLOSE_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 20.0  # between pings; where the pong is as late, the connection is lost, but see `patient`
# What `connect` raises where there is no connection: TimeoutError is an OSError; ImportError is for want of python-socks.
FAILURES = (OSError, WebSocketException, ValueError, ImportError)
TOKEN = re.compile(r"[A-Za-z0-9_-]+")
# By the HTTP status of a server's refusal.
REMEDIES = {
    401: "give the token that it was started with, as token=... or in WORLDSTEP_TOKEN",
    403: "start the server with --allow-origin and the site",
    421: "use its IP address, or start it with --allow-origin and a site of that name, or with a --token",
    503: "close some connections, or try again later",
}
# Where no proxy leads, by address and by name. 100.64.0.0/10 is what Tailscale and the like give.
NEAR_NETWORKS = [
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
NEAR_NAMES = ("localhost", "local", "internal", "home.arpa")

# What websockets has to say of a connection that is cut, which is an exception too, should not be a traceback on the terminal.
logging.getLogger("worldstep.websockets").setLevel(logging.CRITICAL)


class Dialler:
    """Connects to `url`. Raises `option_invalid` for a token or proxy that can't be one.

    `token`: default what WORLDSTEP_TOKEN says. `proxy`: an address; True for the environment's, which is never asked for this
    machine and private networks; None for none.
    """

    def __init__(self, url: str, token: Optional[str], proxy: Union[str, bool, None]) -> None:
        self.url = url
        self.shown = without_password(url)
        if token is None:
            token = os.environ.get("WORLDSTEP_TOKEN", "")
        if token and not TOKEN.fullmatch(token):
            raise WorldstepError("option_invalid", "not a token", {"option": "token"}, "use letters, digits, - and _")
        self._token = token
        self.skipped: Optional[str] = None  # the environment's proxy, where it is not used
        if proxy is True:
            proxy, self.skipped = environments_proxy(url)
        self._proxy = proxy or None

    def dial(self, seconds: float) -> Attempt:
        attempt = Attempt()
        # Not with `threading`, nor are `concurrent.futures` waited for: an interrupt in their locks becomes a RuntimeError.
        _thread.start_new_thread(attempt.run, (lambda: self._connect(seconds),))
        return attempt

    def refused(self, error: BaseException) -> WorldstepError:
        """`connection_refused`, for what `dial` failed with."""
        facts = {"url": self.shown}
        through, why = "", (str(error) or type(error).__name__).replace(self.url, self.shown)
        if self._proxy:
            facts["proxy"] = without_password(self._proxy)
            through, why = f" through the proxy {facts['proxy']}", why.replace(self._proxy, facts["proxy"])
        remedy = "check that the server runs, its address and its version"
        if isinstance(error, InvalidStatus):
            status = facts["status"] = error.response.status_code
            if status == 401:
                why = "it refused the token" if self._token else "it wants a token"
            elif error.response.body:
                why = f"HTTP {status}: {error.response.body[:200].decode(errors='replace').strip()}"
            remedy = REMEDIES.get(status, remedy)
        elif isinstance(error, ssl.SSLCertVerificationError):
            remedy = "if the certificate is the server's own, name its file in SSL_CERT_FILE of the environment"
        elif isinstance(error, ImportError):
            remedy = "pip install python-socks, or give proxy=None to go without the proxy"
        elif self._proxy:
            remedy = "give proxy=None to go without the proxy, or name the server in NO_PROXY"
        elif self.skipped:
            proxy = without_password(self.skipped)
            remedy += f"; proxy={proxy!r} goes through the environment's proxy, which isn't asked for such an address"
        return WorldstepError("connection_refused", f"no connection to {self.shown}{through}: {why}", facts, remedy)

    def _connect(self, seconds: float) -> ClientConnection:
        # Entered because websockets wants a `with`; whoever has it closes it.
        return connect(
            self.url,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            additional_headers={"Authorization": f"Bearer {self._token}"} if self._token else None,
            proxy=self._proxy,
            open_timeout=max(0.0, seconds),
            close_timeout=CLOSE_SECONDS,
            ping_interval=KEEP_ALIVE_SECONDS,
            ping_timeout=KEEP_ALIVE_SECONDS,
            logger=logging.getLogger("worldstep.websockets"),
            max_size=None,
            max_queue=None,  # always read, so that pings are answered; what may come is bounded by what we ask
        ).__enter__()


class Attempt:
    """A connection in the making on a thread of its own, so that its caller may wait in parts, and give up at once."""

    def __init__(self) -> None:
        self.socket: Optional[ClientConnection] = None
        self.error: Optional[BaseException] = None
        self._over: SimpleQueue[bool] = SimpleQueue()
        self._given_up = False

    def run(self, connect: Callable[[], ClientConnection]) -> None:
        try:
            self.socket = connect()
        except BaseException as error:  # the waiting thread raises it
            self.error = error
        self._over.put(True)
        if self._given_up:
            self.give_up()

    def is_over(self, seconds: float) -> bool:
        """Waits so long at most for `socket` or `error`."""
        try:
            return self._over.get(timeout=seconds)
        except Empty:
            return False

    def give_up(self) -> None:
        """Should it still connect, that is cut."""
        self._given_up = True
        if self.socket is not None:
            cut(self.socket)


def is_final(error: BaseException) -> bool:
    """Whether to dial again would only fail again: what we ask is refused, or can't be asked."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code in (400, 401, 403, 404, 421)
    return isinstance(error, (ValueError, ImportError))


@contextlib.contextmanager
def patient(socket: ClientConnection) -> Iterator[None]:
    """Meanwhile no pong is waited for: on a slow network it is late, behind a large message. The caller has a time limit."""
    socket.ping_timeout = None
    try:
        yield
    finally:
        socket.ping_timeout = KEEP_ALIVE_SECONDS


def cut(socket: ClientConnection) -> None:
    """Ends a connection at once, whatever it does and whoever holds its locks (an interrupt may have left one held)."""
    try:
        socket.socket.shutdown(sockets.SHUT_RDWR)  # its own thread sees that, and tidies up
    except OSError:
        pass


def environments_proxy(url: str) -> tuple[Optional[str], Optional[str]]:
    """The proxy that the environment names for `url`: where it is to be used, and else where it is left out."""
    try:
        address = parse_uri(url)
    except (WebSocketException, ValueError):
        return None, None  # `dial` says what is wrong with it
    proxy = get_proxy(address)
    return (None, proxy) if is_near(address.host) else (proxy, None)


def is_near(host: str) -> bool:
    """Whether `host` is this machine or one of a private network, by its address or name alone: no DNS is asked."""
    try:
        [(*_, (numeric, *_)), *_] = sockets.getaddrinfo(host, None, flags=sockets.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        name = host.rstrip(".").lower()
        return "." not in name or name.endswith(tuple(f".{ending}" for ending in NEAR_NAMES))
    address = ipaddress.ip_address(numeric.split("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    here = address.is_loopback or address.is_unspecified or address.is_link_local
    return here or any(address in network for network in NEAR_NETWORKS)


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return url if "@" not in parts.netloc else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
