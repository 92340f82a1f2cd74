"""What may stand between a client and a server: a proxy that tunnels, and a gate that wants a token."""

from __future__ import annotations

import socket

from cutting_proxy import CuttingProxy, shut


class Tunnels(CuttingProxy):
    """An HTTP proxy that takes CONNECT and always leads to the same server."""

    def _accepted(self, client: socket.socket) -> bool:
        self.asked = head_of(client).split("\r\n")[0]
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        return True

    @property
    def address(self) -> str:
        return self.url.replace("ws:", "http:")


class Gate(CuttingProxy):
    """Lets only those in who have the token, as a server with one does."""

    token = "s3cret-token_"
    status = 401  # of its refusal

    def _accepted(self, client: socket.socket) -> bool:
        head = client.recv(65536, socket.MSG_PEEK).decode()  # left for the server
        if f"authorization: bearer {self.token}\r\n" in head.lower():
            return True
        client.sendall(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
        shut(client)
        return False


def head_of(client: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    return head.decode()
