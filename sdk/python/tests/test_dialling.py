"""The way to a server: proxies, tokens, and what is said where there is none."""

from __future__ import annotations

import contextlib
import time

import pytest
from doors import Gate, Tunnels

from worldstep import Connection, WorldstepEnv, WorldstepError, WorldstepVectorEnv
from worldstep.dialling import is_near

NOWHERE = "http://user:secret@127.0.0.1:9"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "ws_proxy", "socks_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in (*VARIABLES, "NO_PROXY", "no_proxy", "WORLDSTEP_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tunnels(url):
    with Tunnels(url) as tunnels:
        yield tunnels


@pytest.fixture
def gate(url):
    with Gate(url) as gate:
        yield gate


@pytest.mark.parametrize("proxy", [NOWHERE, "socks5h://127.0.0.1:9"])
@pytest.mark.parametrize("name", VARIABLES)
def test_the_environments_proxy_is_not_asked_for_this_machine(url, monkeypatch, name, proxy):
    monkeypatch.setenv(name, proxy)
    Connection(url).close()
    Connection(url.replace("127.0.0.1", "localhost")).close()


@pytest.mark.parametrize(
    ("host", "near"),
    [
        *[(host, True) for host in ("localhost", "LocalHost.", "sim.localhost", "127.0.0.1", "127.1", "::1", "0.0.0.0")],
        *[(host, True) for host in ("10.1.2.3", "172.16.0.1", "172.31.9.9", "192.168.178.20", "169.254.7.7", "100.64.0.9")],
        *[(host, True) for host in ("fe80::1", "fd00::12", "::ffff:192.168.0.1", "robot", "robot.local", "gpu.internal")],
        *[(host, False) for host in ("example.com", "8.8.8.8", "172.32.0.1", "2001:4860::8888", "local.example.com")],
    ],
)
def test_which_hosts_are_near(host, near):
    assert is_near(host) is near


def test_the_environments_proxy_is_asked_for_the_rest_and_named(tunnels, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", tunnels.address)
    with contextlib.suppress(WorldstepError):  # a server may not want to be called that
        Connection("ws://simulators.example:80").close()
    assert tunnels.asked == "CONNECT simulators.example:80 HTTP/1.1"
    monkeypatch.setenv("HTTPS_PROXY", NOWHERE)
    with pytest.raises(WorldstepError, match="through the proxy http://127.0.0.1:9: .*refused.*proxy=None") as caught:
        Connection("ws://simulators.example:80")
    assert caught.value.code == "connection_refused" and "secret" not in f"{caught.value} {caught.value.facts}"
    # Where it was left out it is named too: perhaps it was needed.
    with pytest.raises(WorldstepError, match="127.0.0.1:1.*proxy='http://127.0.0.1:9' goes through"):
        Connection("ws://127.0.0.1:1")


def test_a_proxy_that_is_given_is_always_asked(url, tunnels, monkeypatch):
    for make in (Connection, WorldstepEnv, WorldstepVectorEnv):
        make(url, proxy=tunnels.address).close()
    assert tunnels.connections == 3
    monkeypatch.setenv("HTTPS_PROXY", tunnels.address)
    with pytest.raises(WorldstepError, match="no connection to ws://simulators.invalid:80: "):
        Connection("ws://simulators.invalid:80", proxy=None)
    assert tunnels.connections == 3
    with pytest.raises(WorldstepError, match="proxy ftp://127.0.0.1: ftp://127.0.0.1 isn't") as caught:
        Connection(url, proxy="ftp://user:secret@127.0.0.1")
    assert "secret" not in str(caught.value)
    for wrong in ("nonsense", "socks5h://127.0.0.1:9"):  # the latter for want of python-socks, or of a proxy there
        with pytest.raises(WorldstepError, match=f"through the proxy {wrong}") as caught:
            Connection(url, proxy=wrong)
        assert caught.value.facts["proxy"] == wrong


def test_tokens(gate, monkeypatch):
    with pytest.raises(WorldstepError, match="it wants a token.*WORLDSTEP_TOKEN") as caught:
        Connection(gate.url)
    assert (caught.value.code, caught.value.facts["status"]) == ("connection_refused", 401)
    with pytest.raises(WorldstepError, match="refused the token") as caught:
        WorldstepEnv(gate.url, token="another")
    assert "another" not in f"{caught.value} {caught.value.facts}"
    for make in (Connection, WorldstepEnv, WorldstepVectorEnv):
        make(gate.url, token=gate.token).close()
    monkeypatch.setenv("WORLDSTEP_TOKEN", gate.token)
    Connection(gate.url).close()
    for wrong in ("two words", "line\r\nbreak", "ünicode"):
        with pytest.raises(WorldstepError, match="option_invalid"):
            Connection(gate.url, token=wrong)


@pytest.mark.parametrize(
    ("status", "remedy"), [(403, "--allow-origin"), (421, "--allow-origin .*--token"), (503, "later"), (404, "its address")]
)
def test_a_refusal_says_what_to_do(gate, status, remedy):
    gate.token, gate.status = "another", status
    with pytest.raises(WorldstepError, match=remedy) as caught:
        Connection(gate.url, timeout=0.5)
    assert (caught.value.code, caught.value.facts["status"]) == ("connection_refused", status)


def test_a_slow_network_is_no_silence_but_an_idle_one_is(proxy, dream, monkeypatch):
    monkeypatch.setattr("worldstep.dialling.KEEP_ALIVE_SECONDS", 0.25)
    env = WorldstepEnv(proxy.url, world=dream, timeout=10)
    env.reset(seed=1)
    proxy.delay = 1.0
    assert env.step(env.action_space.sample())[4]["tick"] == 1
    assert proxy.connections == 1
    proxy.delay = 0.0
    proxy.flows.clear()
    time.sleep(1.0)  # found dead, so that the next call need not wait for it
    proxy.flows.set()
    assert env.step(env.action_space.sample())[4]["tick"] == 2
    assert proxy.connections == 2
    env.close()


def test_a_token_that_no_longer_holds_is_told_at_once(gate, dream):
    env = WorldstepEnv(gate.url, world=dream, token=gate.token)
    env.reset(seed=1)
    gate.token = "another"
    gate.cut()
    action = env.action_space.sample()
    with pytest.raises(WorldstepError, match="connection_refused"):
        env.step(action)
    gate.token = Gate.token
    assert env.step(action)[4]["tick"] == 1
    env.close()
