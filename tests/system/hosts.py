"""Computers of their own for processes of a test: each has a network, a name and a clock.

Each is a network namespace on a bridge of this computer, where a forwarder stands for whatever the
computers share. It takes root, Linux and iproute2.
"""

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from tests.system.clocks import shift_clock

_NEW_NAME, _NEW_NETWORK = 0x04000000, 0x40000000
"""CLONE_NEWUTS and CLONE_NEWNET of sched.h."""

_numbers = itertools.count()


def why_not() -> str:
    """Why there can be no computers of their own here; empty if there can."""
    if shutil.which("ip") is None:
        return "it takes iproute2"
    name = f"ww-{os.getpid()}-x"
    with suppress(subprocess.CalledProcessError):
        _ip("netns", "add", name)
        _ip("netns", "del", name)
        return ""
    return "network namespaces cannot be made here: it takes root"


class Host:
    """One of them."""

    def __init__(self, name: str, cable: str, clock: timedelta) -> None:
        self._name, self._cable, self._clock = name, cable, clock

    def enter(self) -> None:
        """Let this process be on it from now on."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{self._name}").open("rb") as network:
            failed = libc.setns(network.fileno(), _NEW_NETWORK) or libc.unshare(_NEW_NAME)
        if failed:
            raise OSError(ctypes.get_errno(), "this process cannot be on another host")
        socket.sethostname(self._name)
        shift_clock(self._clock)

    def plug(self, plugged: bool) -> None:
        """Plug its cable in or out."""
        _ip("link", "set", self._cable, "up" if plugged else "down")


class Network:
    """What the hosts share."""

    def __init__(self, address: str, hosts: list[Host], stack: ExitStack) -> None:
        self.address, self.hosts, self._stack = address, hosts, stack

    def port(self, host: str, port: int) -> int:
        """The port of `address` at which they find what is at a port of this computer."""
        program = str(Path(__file__).with_name("commit_proxy.py"))
        process = subprocess.Popen(
            [sys.executable, program, host, str(port), self.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        return int(process.stdout.readline())


@contextmanager
def network(*clocks: timedelta) -> Iterator[Network]:
    """A network of hosts whose clocks are off by so much."""
    with ExitStack() as stack:
        name = f"ww{os.getpid()}{next(_numbers) % 10}"
        subnet = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        _ip("link", "add", name, "type", "bridge")
        stack.callback(_ip, "link", "del", name)
        _ip("address", "add", f"{subnet}.1/24", "dev", name)
        _ip("link", "set", name, "up")
        found = []
        for number, clock in enumerate(clocks):
            host, cable = f"{name}-{number}", f"{name}v{number}"
            _ip("netns", "add", host)
            stack.callback(_ip, "netns", "del", host)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host)
            _ip("link", "set", cable, "master", name, "up")
            _ip("-n", host, "address", "add", f"{subnet}.{number + 2}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", host, "link", "set", device, "up")
            found.append(Host(host, cable, clock))
        yield Network(f"{subnet}.1", found, stack)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
