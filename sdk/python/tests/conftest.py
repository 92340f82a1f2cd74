"""These tests need a server: `WORLDSTEP_URL` (test/python.test.ts starts one). They run once for each of its worlds."""

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


def server_url() -> str:
    url = os.environ.get("WORLDSTEP_URL")
    if not url:
        pytest.exit("set WORLDSTEP_URL to the address of a server, for example ws://localhost:8777", returncode=2)
    return url


@pytest.fixture
def url() -> str:
    return server_url()


@pytest.fixture
def proxy(url):
    """The server behind a proxy that can cut connections."""
    with CuttingProxy(url) as proxy:
        yield proxy
