"""Which device an address leads to: robots of several names, in several campaigns, may be one."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit


def device_at(address: str) -> str:
    """One name for a device, by whatever address it is reached; empty if there is none.

    A port is called what its path leads to now, as `/dev/serial/by-id/...` does; of an address on
    the network neither capitals nor a last slash count. Where a driver looks for a port itself, by
    the device's number or a pattern, that is the name.
    """
    if Path(address).is_absolute():
        return os.path.realpath(address)
    scheme, sign, rest = address.rpartition("://")
    host, slash, path = rest.partition("/")
    whole = scheme.lower() + sign + host.lower() + slash + path
    return whole.rstrip("/")


def device_resource(address: str, workers: bool) -> str:
    """The resource that whoever speaks to a device holds, beside the robot; empty: there is none.

    With workers at several computers a port of one is another device than that of another.
    """
    device = device_at(address)
    return "" if not device or (workers and _of_one_computer(device)) else f"device {device}"


def _of_one_computer(address: str) -> bool:
    """Whether an address means something else on another computer, as a serial port does."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return False
    return not host or re.search(r"^(localhost|127\..*|::1|.*\bcom\d+)$", host) is not None
