"""A lab of real processes here: PostgreSQL, Prefect server, two workers with a robot each.

`python -m tests.system.lab` launches a campaign of two rounds in it over the service, kills one
worker in the middle of a job and starts it again, and looks at what was really done.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import make_url

from orchestrator.journal.journal import Journal
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.postgres import temporary_database

CAMPAIGN = Path(__file__).parent / "lab_campaign.yaml"
PROGRAMS = Path(sys.executable).parent
_PATIENCE_S = 240.0


class Failure(AssertionError):
    """The lab did not do what it should."""


@contextmanager
def process(
    *command: str, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    """A process with everything that it starts, killed at the end."""
    print(
        "start", " ".join(Path(part).name if "/" in part else part for part in command), flush=True
    )
    with log.open("a") as output:
        running = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield running
        finally:
            kill(running)


def kill(running: subprocess.Popen[str]) -> None:
    """What a power cut does to a computer: its processes end at once."""
    for pid in [running.pid, *descendants(running.pid)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    running.wait()


def descendants(pid: int) -> list[int]:
    """Every process that a process has started, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def output(*command: str, environment: dict[str, str]) -> str:
    """What a command prints."""
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: str, answer: object, *others: subprocess.Popen[str]) -> None:
    """Return when `answer()` is true; fail if it never is, or a process it needs has ended."""
    deadline = time.monotonic() + _PATIENCE_S
    while not answer():  # type: ignore[operator]
        if any(other.poll() is not None for other in others):
            raise Failure(f"a process ended before {what}")
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not happen within {_PATIENCE_S:g} s")
        time.sleep(0.1)
    print("saw", what, flush=True)


def main() -> None:
    """Run the campaign, break a worker, look."""
    with (
        temporary_database() as journal_url,
        temporary_database() as prefect_url,
        tempfile.TemporaryDirectory() as at,
    ):
        folder = Path(at)
        try:
            run(folder, journal_url, prefect_url)
        except (Failure, KeyboardInterrupt):
            for log in sorted(folder.glob("*.log")) + sorted(folder.rglob("wellwise.log")):
                print(f"--- {log.name}", log.read_text()[-6000:], sep="\n")
            raise


def run(folder: Path, journal_url: str, prefect_url: str) -> None:
    """The lab in a folder and two databases."""
    port = free_port()
    home = folder / "home"
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT_", "WELLWISE_"))
        },
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "WELLWISE_HOME": str(home),
        "WELLWISE_DATABASE_URL": journal_url,
        "WELLWISE_SPEED": "7200",
        "WELLWISE_LEASE_S": "4",
        "WELLWISE_WORKERS": "true",
    }
    database = (
        make_url(prefect_url)
        .set(drivername="postgresql+asyncpg")
        .render_as_string(hide_password=False)
    )
    wellwise, prefect = str(PROGRAMS / "wellwise"), str(PROGRAMS / "prefect")
    server_environment = environment | {"PREFECT_API_DATABASE_CONNECTION_URL": database}
    serve = (prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui")
    with process(*serve, environment=server_environment, log=folder / "server.log") as server:

        def healthy() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/api/health").is_success
            except httpx.HTTPError:
                return False

        wait_for("the Prefect server answer", healthy, server)
        journal = Journal(journal_url)

        def worker(robot: str) -> "contextmanager[subprocess.Popen[str]]":  # type: ignore[type-arg]
            return process(
                wellwise, "worker", robot, environment=environment, log=folder / f"{robot}.log"
            )

        with (
            process(
                wellwise, "serve-flows", environment=environment, log=folder / "flows.log"
            ) as flows,
            worker("camera") as camera,
            worker("dispenser") as dispenser,
        ):
            # A person in another room launches it by the service, and watches it from there.
            made = output(
                wellwise,
                "token",
                "create",
                "somebody",
                "--role",
                "operator",
                environment=environment,
            )
            web = free_port()
            environment |= {
                "WELLWISE_URL": f"http://127.0.0.1:{web}",
                "WELLWISE_TOKEN": made.split()[0],
            }
            serving = process(
                wellwise,
                "serve",
                "--port",
                str(web),
                environment=environment,
                log=folder / "serve.log",
            )
            with serving as service:

                def ready() -> bool:
                    try:
                        return httpx.get(f"http://127.0.0.1:{web}/api/v1/ready").is_success
                    except httpx.HTTPError:
                        return False

                wait_for("the service be ready", ready, service)
                print(
                    output(wellwise, "remote", "launch", str(CAMPAIGN), environment=environment),
                    end="",
                )
                started = process(
                    wellwise,
                    "remote",
                    "watch",
                    "lab",
                    environment=environment,
                    log=folder / "run.log",
                )
                with started as campaign:
                    follow(
                        folder,
                        home,
                        journal,
                        campaign,
                        dispenser,
                        (server, flows, camera, service),
                        worker,
                    )
        examine(home, journal)
        print("".join((folder / "run.log").read_text().splitlines(keepends=True)[-3:]))
        journal.close()


def follow(folder, home, journal, campaign, dispenser, others, worker) -> None:  # type: ignore[no-untyped-def]
    """Watch the campaign; kill a worker in the middle of a job and start it again."""

    def in_the_middle() -> bool:
        if not lab_log_path(home, "virtual").exists():
            return False
        log = RobotLog(lab_log_path(home, "virtual"))
        reports = list(log.running("dispenser"))
        begun = [report.key for report in reports if log.of_job(report.key)]
        log.close()
        return bool(begun)

    wait_for("a job half done", in_the_middle, campaign, dispenser, *others)
    kill(dispenser)
    if not in_the_middle():
        raise Failure("the worker was killed after its job had ended, not in the middle of it")
    print("killed the worker of the dispenser in the middle of a job", flush=True)
    with worker("dispenser") as again:
        wait_for("the end of the campaign", lambda: campaign.poll() is not None, again, *others)
    if campaign.returncode != 0:
        raise Failure(f"the campaign ended with exit code {campaign.returncode}")


def examine(home: Path, journal: Journal) -> None:
    """Every operation once, no well lost, every well read."""
    state = journal.state("lab")
    log = RobotLog(lab_log_path(home, "virtual"))
    done = Counter(
        (performed.key, performed.position)
        for performed in log.everything()
        if not performed.operation.repeatable
    )
    log.close()
    kinds = Counter(event.kind for event in journal.events("lab"))
    wells = [well for batch in state.rounds for well in batch.wells]
    print(
        f"campaign {state.status}, {len(state.rounds)} rounds, {kinds['job_done']} jobs done, "
        f"{sum(done.values())} operations that must not be repeated, doubled "
        f"{sum(done.values()) - len(done)}, "
        f"wells {len(wells)}, lost {sum(bool(well.lost) for well in wells)}, "
        f"read {sum(well.value is not None for well in wells)}, workers lost {kinds['worker_lost']}"
    )
    if state.status != "finished" or len(state.rounds) != 2 or kinds["job_done"] != 8:
        raise Failure("the campaign did not end right")
    if max(done.values()) != 1 or any(well.lost or well.value is None for well in wells):
        raise Failure("something was done twice or lost")
    if not kinds["worker_lost"]:
        raise Failure("nobody noticed that a worker was lost")


if __name__ == "__main__":
    main()
