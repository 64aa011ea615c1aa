"""Prefect, embedded: below wellwise's home, silent on the console, telling nobody anything."""

import os
import signal
from pathlib import Path

from orchestrator.settings import Settings
from protocols.errors import WellwiseError

_LOGGING = """\
version: 1
disable_existing_loggers: false
formatters:
  plain: {format: "%(asctime)s %(levelname)s %(name)s %(message)s"}
  json: {class: pythonjsonlogger.json.JsonFormatter, format: "%(asctime)s %(levelname)s %(name)s %(message)s"}
handlers:
  file: {class: logging.FileHandler, formatter: plain, filename: FILE, encoding: utf-8, delay: true}
  lines: {class: logging.FileHandler, formatter: json, filename: LINES, encoding: utf-8, delay: true}
loggers:
  wellwise: {level: INFO, handlers: [lines], propagate: false}
  prefect: {level: INFO, handlers: [file], propagate: false}
root: {level: WARNING, handlers: [file]}
"""


def start_prefect(home: Path) -> None:
    """Start Prefect's embedded server, unless the environment names another; takes seconds.

    Prefect starts it by itself as well, but two of its threads may do so at once and leave one behind. One that was
    left behind by a process of this home that was killed is ended first.
    """
    if "PREFECT_API_URL" in os.environ:
        return
    from prefect.server.api.server import SubprocessASGIServer

    note = home / "prefect" / "server.pid"
    if note.exists():
        _end_orphan(note.read_text(encoding="utf-8").strip())
    server = SubprocessASGIServer()
    server.start()
    if server.server_process is not None:
        note.write_text(str(server.server_process.pid), encoding="utf-8")


def _end_orphan(pid: str) -> None:
    """End a server of Prefect whose parent is gone; where no /proc tells so, it is left alone."""
    try:
        command = Path("/proc", pid, "cmdline").read_bytes()
        parent = Path("/proc", pid, "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        if b"prefect.server.api.server" in command and parent == "1":
            os.kill(int(pid), signal.SIGTERM)
    except (OSError, ValueError, IndexError):
        return


def embed_prefect(settings: Settings) -> Path:
    """Set Prefect's environment, before anything imports it; what the environment already says is kept.

    Returns: the file that takes the log lines of Prefect and of the libraries.

    Raises:
        WellwiseError: the lab has workers, and nothing says where its Prefect server is.
    """
    if settings.workers and "PREFECT_API_URL" not in os.environ:
        raise WellwiseError(
            "WELLWISE_WORKERS is set, so PREFECT_API_URL must say where the lab's Prefect server is "
            "(such as http://HOST:4200/api)"
        )
    home = settings.home
    folder = (home / "prefect").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    log = home.absolute() / "logs" / "wellwise.log"
    log.parent.mkdir(exist_ok=True)
    (folder / "logging.yml").write_text(
        _LOGGING.replace("FILE", f"'{log}'").replace("LINES", f"'{log.with_name('service.jsonl')}'"), encoding="utf-8"
    )
    defaults = {
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_SETTINGS_PATH": str(folder / "logging.yml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # One by one, the states of tasks take the embedded server a fifth of all a campaign's CPU-seconds.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        # Nobody has automations there, so nothing has to look at each event.
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    return log
