"""A TCP proxy that loses connections on purpose: after so many bytes from the server, or at once."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit


class CuttingProxy:
    def __init__(self, url: str) -> None:
        self.lead_to(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.connections = 0
        self.received = 0  # bytes from the server
        self.flows = threading.Event()  # while it is clear nothing passes, and nobody is told
        self.flows.set()
        self.delay = 0.0  # seconds that what the server sends takes longer
        # Connection i is cut when so many bytes came from the server; the ones after the last never.
        self.plan: list[int] = []
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        shut(self._listener)
        self.cut()

    def lead_to(self, url: str) -> None:
        """From the next connection on."""
        parts = urlsplit(url)
        self._upstream = (socket.gethostbyname(parts.hostname), parts.port)

    def cut(self) -> None:
        self.flows.set()
        for end in self._open:
            shut(end)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._accepted(client):
                continue
            upstream = socket.create_connection(self._upstream)
            bytes_left = self.plan.pop(0) if self.plan else None
            self.connections += 1
            self._open += [client, upstream]
            for source, sink, left in ((client, upstream, None), (upstream, client, bytes_left)):
                args = (source, sink, left, source is upstream)
                threading.Thread(target=self._pump, args=args, daemon=True).start()

    def _accepted(self, client: socket.socket) -> bool:
        return True

    def _pump(self, source: socket.socket, sink: socket.socket, left: int | None, counted: bool) -> None:
        try:
            while data := source.recv(65536):
                self.flows.wait()
                if counted:
                    time.sleep(self.delay)
                if counted:
                    self.received += len(data)
                sink.sendall(data[:left])
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        break
        except OSError:
            pass
        shut(source)
        shut(sink)


def shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
