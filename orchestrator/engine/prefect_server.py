"""Prefect, embedded: below wellwise's home, silent on the console, without telemetry."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from orchestrator.settings import Settings
from protocols.errors import WellwiseError

_LOGGING = """\
version: 1
disable_existing_loggers: false
formatters:
  plain: {format: "%(asctime)s %(levelname)s %(name)s %(message)s"}
  json: {class: pythonjsonlogger.json.JsonFormatter, format: "%(asctime)s %(levelname)s %(name)s
      %(message)s"}
handlers:
  file: {class: logging.FileHandler, formatter: plain, filename: FILE, encoding: utf-8, delay: true}
  lines: {class: logging.FileHandler, formatter: json, filename: LINES, encoding: utf-8, delay:
      true}
loggers:
  wellwise: {level: INFO, handlers: [lines], propagate: false}
  prefect: {level: INFO, handlers: [file], propagate: false}
root: {level: WARNING, handlers: [file]}
"""


_STARTUP_TIMEOUT = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"


def start_prefect() -> None:
    """Start Prefect's embedded server, unless the environment names another; takes seconds.

    Prefect starts it by itself as well, but then two of its threads may do so at once and leave one
    behind, and the server of a process that was killed would stay for ever.

    Raises:
        WellwiseError: it does not answer in time.
    """
    if "PREFECT_API_URL" in os.environ:
        return
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()
    _SERVERS.append(server)
    try:
        server.start()
    except RuntimeError as error:
        end_prefect()
        raise WellwiseError(
            f"Prefect's own server does not answer ({error}) Nothing was begun. The computer may "
            f"be busy: try again, or set {_STARTUP_TIMEOUT} to more seconds (expected within "
            f"{os.environ.get(_STARTUP_TIMEOUT, 'its default')})"
        ) from error
    if server.server_process is not None and sys.platform != "win32":
        _WATCHERS.append(_end_with_this_process(server.server_process.pid))


def end_prefect() -> None:
    """End Prefect's embedded server, if it was started or is being started here."""
    for server in _SERVERS:
        if server.server_process is not None:
            server.server_process.terminate()


_SERVERS: list[Any] = []
_WATCHERS: list[subprocess.Popen[bytes]] = []


def _end_with_this_process(server: int) -> subprocess.Popen[bytes]:
    """Ends Prefect's server when the pipe to this process closes, even by SIGKILL (POSIX)."""
    # Another process may have the number by then; without /proc the server is left running.
    end = 'cat; grep -qs prefect.server.api.server "/proc/$0/cmdline" && kill "$0"'
    return subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
        ["/bin/sh", "-c", end, str(server)], stdin=subprocess.PIPE, start_new_session=True
    )


def embed_prefect(settings: Settings) -> Path:
    """Set Prefect's environment, before anything imports it; what is set already is kept.

    Returns: the file that takes the log lines of Prefect and of the libraries.

    Raises:
        WellwiseError: the lab has workers, and nothing says where its Prefect server is.
    """
    if settings.workers and "PREFECT_API_URL" not in os.environ:
        raise WellwiseError(
            "WELLWISE_WORKERS is set, so PREFECT_API_URL must say where the lab's Prefect server "
            "is "
            "(such as http://HOST:4200/api)"
        )
    # A log that cannot be written, such as on a full disk, must not fill the console instead.
    logging.raiseExceptions = False
    home = settings.make_home()
    folder = (home / "prefect").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    log = home.absolute() / "logs" / "wellwise.log"
    log.parent.mkdir(exist_ok=True)
    (folder / "logging.yml").write_text(
        _LOGGING.replace("FILE", f"'{log}'").replace(
            "LINES", f"'{log.with_name('service.jsonl')}'"
        ),
        encoding="utf-8",
    )
    defaults = {
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_SETTINGS_PATH": str(folder / "logging.yml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        _STARTUP_TIMEOUT: "120",
        # One by one, the states of tasks take the embedded server a fifth of all a campaign's
        # CPU-seconds.
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
