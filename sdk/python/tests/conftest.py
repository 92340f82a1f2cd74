"""These tests need two servers: `WORLDSTEP_URL`, and `WORLDSTEP_RESTARTED_URL`, what it may be after a restart: its first world
has other spaces then, the second other weights (test/python.test.ts starts both). They run once for each of the first's worlds.
"""

from __future__ import annotations

import os

import pytest
from cutting_proxy import CuttingProxy

from worldstep import Connection


def pytest_generate_tests(metafunc):
    if "world" in metafunc.fixturenames:
        connection = Connection(server_url())
        metafunc.parametrize("world", list(connection.worlds))
        connection.close()


def server_url(name: str = "WORLDSTEP_URL") -> str:
    url = os.environ.get(name)
    if not url:
        pytest.exit(f"set {name} to the address of a server, for example ws://localhost:8777", returncode=2)
    return url


@pytest.fixture(scope="session")
def dream() -> str:
    """The last world of the server, for tests that one world is enough for."""
    connection = Connection(server_url())
    connection.close()
    return list(connection.worlds)[-1]


@pytest.fixture
def url() -> str:
    return server_url()


@pytest.fixture
def restarted_url() -> str:
    return server_url("WORLDSTEP_RESTARTED_URL")


@pytest.fixture
def proxy(url):
    """The server behind a proxy that can cut connections."""
    with CuttingProxy(url) as proxy:
        yield proxy
