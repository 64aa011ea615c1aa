"""Many viewers while a campaign runs: lost events, times of reads, cost to the campaign."""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np

from orchestrator.journal.journal import Journal

ROOT = Path(__file__).parent.parent
FILE = ROOT / "examples" / "rpe" / "campaign.yaml"
_READ_S = 1.0
"""How often a client of the API asks."""


class Run(NamedTuple):
    """One campaign: seconds, times of reads during and after it, viewers with wrong events."""

    seconds: float
    reads: list[float]
    idle: list[float]
    wrong: int
    received: int


class Served:
    """A service as a process of its own, with a token."""

    def __init__(self, home: Path, speed: float | None) -> None:
        environment = dict(os.environ)
        if speed is not None:
            environment["WELLWISE_SPEED"] = str(speed)
        command = [
            str(Path(sys.executable).with_name("wellwise")),
            "serve",
            "--home",
            str(home),
            "--port",
            "0",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        printed = ""
        while "Ctrl-C ends it" not in printed:
            printed += self.process.stdout.readline()
        found = re.search(r"(http://\S+)/login\?token=(\S+)", printed)
        assert found
        self.url, self.token = found[1], found[2]

    def client(self) -> httpx.AsyncClient:
        """A viewer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, timeout=60)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


async def view(served: Served, received: list[int]) -> None:
    """Listen to all events, until cancelled."""
    async with (
        served.client() as client,
        client.stream("GET", "/events/stream?after=0", timeout=None) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("id:"):
                received.append(int(line[3:]))


async def read(served: Served, times: list[float], offset: float) -> None:
    """Ask for the campaign's state, once a second, until cancelled."""
    async with served.client() as client:
        await asyncio.sleep(offset)
        while True:
            begin = time.perf_counter()
            response = await client.get("/campaigns/rpe")
            if response.status_code == 200:
                times.append(time.perf_counter() - begin)
            await asyncio.sleep(max(0.0, _READ_S - (time.perf_counter() - begin)))


async def run(home: Path, viewers: int, clients: int, rounds: int, speed: float | None) -> Run:
    """A campaign with so many viewers."""
    served = Served(home, speed)
    try:
        received: list[list[int]] = [[] for _ in range(viewers)]
        times: list[float] = []
        async with served.client() as operator:
            looking = [asyncio.create_task(view(served, ids)) for ids in received]
            asking = [
                asyncio.create_task(read(served, times, n / max(clients, 1)))
                for n in range(clients)
            ]
            await asyncio.sleep(8)
            text = FILE.read_text().replace("rounds: 3}", f"rounds: {rounds}}}")
            begin = time.perf_counter()
            (await operator.post("/campaigns", json={"file": text})).raise_for_status()
            times.clear()
            while (await operator.get("/campaigns/rpe")).json()["status"] != "finished":
                await asyncio.sleep(0.5)
            seconds = time.perf_counter() - begin
            reads = list(times)
            await asyncio.sleep(2)
            for task in looking + asking:
                task.cancel()
            quiet: list[float] = []
            alone = asyncio.create_task(read(served, quiet, 0))
            await asyncio.sleep(20)
            alone.cancel()
        expected = [
            event.id for event in Journal(f"sqlite:///{home / 'journal.sqlite'}").events("rpe")
        ]
        return Run(seconds, reads, quiet, sum(ids != expected for ids in received), len(expected))
    finally:
        served.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--speed",
        type=float,
        help="lab time passes so many times faster; as fast as it can if absent",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder) / name for name in ("alone", "watched")]
        alone = asyncio.run(run(homes[0], 0, 0, arguments.rounds, arguments.speed))
        watched = asyncio.run(
            run(homes[1], arguments.viewers, arguments.clients, arguments.rounds, arguments.speed)
        )
    p95, base = np.quantile(watched.reads, 0.95), np.quantile(watched.idle, 0.95)
    print(
        f"{arguments.viewers} viewers, {arguments.clients} clients that ask once a second, "
        f"{watched.received} events"
    )
    print(f"  viewers that missed an event or received one twice: {watched.wrong}")
    print(
        f"  p95 of a read: {p95 * 1000:.0f} ms of {len(watched.reads)}, {p95 / base:.1f} of idle "
        f"({base * 1000:.0f} ms)"
    )
    print(
        f"  the campaign took {watched.seconds / alone.seconds:.2f} of its time alone "
        f"({alone.seconds:.0f} s)"
    )


if __name__ == "__main__":
    main()
