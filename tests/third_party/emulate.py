"""A simulator that somebody else made from a vendor's manual, on a pseudo-terminal.

Run by an interpreter that has it (`build/third-party`): `emulate.py cavro` or `new-era`. Prints its
port, and after a line on stdin what it did, as JSON.
"""

import json
import os
import pty
import select
import sys
import tty

from labmcp_cavro.simulator import CavroSimulator
from labmcp_new_era.simulator import NewEraSimulator

_SPEED = 40.0

made = {
    "cavro": (lambda: CavroSimulator(speed=_SPEED), "\x03\r\n"),
    "new-era": (lambda: NewEraSimulator(speed=_SPEED), "\x03"),
}


def state(simulator: CavroSimulator | NewEraSimulator) -> dict[str, object]:
    """What it did, by its own count."""
    if isinstance(simulator, CavroSimulator):
        simulator._settle()
        return {
            "initialised": simulator.init_count,
            "position": round(simulator.frac * 6000),
            "error": simulator.error,
        }
    simulator._advance()
    return {
        "infused_ul": simulator.dispensed["INF"] * 1000,
        "withdrawn_ul": simulator.dispensed["WDR"] * 1000,
        "running": simulator.running,
    }


def main() -> None:
    """Answer until stdin ends; each whole message is printed too."""
    make, end = made[sys.argv[1]]
    simulator = make()
    mine, theirs = pty.openpty()
    tty.setraw(theirs)
    print(os.ttyname(theirs), flush=True)
    received = b""
    while True:
        readable, _, _ = select.select([mine, sys.stdin], [], [])
        if sys.stdin in readable:
            if not sys.stdin.readline():
                return
            print(json.dumps(state(simulator)), flush=True)
        if mine in readable:
            received += os.read(mine, 4096)
            while b"\r" in received:
                line, _, received = received.partition(b"\r")
                answer = simulator.handle(line.decode("latin-1"))
                for one in [answer] if isinstance(answer, str) else answer or []:
                    os.write(mine, (one + end).encode("latin-1"))


if __name__ == "__main__":
    main()
