"""Builds the wheel and installs it where no sources are: `python -m tests.system.wheel`.

One empty environment gets everything (`wellwise[lab]`): it runs a campaign of the installed
examples, serves, and every page is opened in a browser. Another gets what a client needs, and
is seen to work without torch. A third is made by the README of that campaign's crate, from
which its rounds are proposed again. Only the browser is
driven from the environment of development.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
ROOMS = ("protocols", "optimizer", "drivers", "simulators", "orchestrator", "wellwise", "examples")
EXAMPLE = "colour_assay"
CAMPAIGN = "colour-assay"
PATIENCE_MS = 240_000
_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]
_UNCOMPILED = {"PIP_COMPILE": "0"}
"""Of what is installed only a part is imported: Python compiles that itself."""
_REMEDY = 'pip install "wellwise[lab]"'


class Fault(AssertionError):
    """The wheel is not what it should be."""


class Installed:
    """An empty environment with the wheel in it, and an empty folder in which its programs run."""

    def __init__(self, folder: Path, wheel: Path, extra: str) -> None:
        self.programs = folder / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
        self.folder = folder / "folder"
        self.folder.mkdir(parents=True)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WELLWISE_", "PREFECT_"))
        }
        kept.pop("PYTHONPATH", None)
        self.environment = (
            kept | _UNCOMPILED | {"PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1"}
        )
        say(f"install wellwise[{extra}] in an empty environment")
        venv.create(folder / "environment", with_pip=True)
        pip = (
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-warn-script-location",
        )
        self.run("python", *pip, "-c", str(LOCK), f"{wheel}[{extra}]")

    def run(self, program: str, *words: str, fails: bool = False) -> str:
        """What a program prints; it ends well or, if it `fails`, with 2 and no traceback."""
        ran = subprocess.run(
            [str(self.programs / program), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        text = ran.stdout + ran.stderr
        if ran.returncode != (2 if fails else 0) or (fails and "Traceback" in text):
            raise Fault(f"{program} {' '.join(words)} ended with {ran.returncode}:\n{text[-6000:]}")
        return text

    def has(self, module: str) -> bool:
        """Whether a module can be found there."""
        code = f"import importlib.util as u; print(u.find_spec({module!r}) is not None)"
        return self.run("python", "-c", code).strip() == "True"


def say(what: str) -> None:
    """A line of progress."""
    print(what, flush=True)


def main() -> None:
    """Build, install, look."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as at, ThreadPoolExecutor() as beside:
        folder = Path(at)
        wheel = built(folder / "dist")
        client = beside.submit(lambda: light(Installed(folder / "client", wheel, "client")))
        lab = Installed(folder / "lab", wheel, "lab")
        home = ran_to_its_end(lab)
        # An environment is made while the pages are looked at.
        other = beside.submit(stranger, crate_of(lab), wheel, folder / "stranger")
        with served(lab, home) as ready:
            look_at_every_page(ready)
        client.result()
        other.result()
    say("the wheel holds")


def built(folder: Path) -> Path:
    """The wheel, made from the sdist, with every file of our rooms in both.

    Raises:
        Fault: a file is missing.
    """
    say("build sdist and wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    wanted = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in files_of(ROOT / room)}
    with zipfile.ZipFile(wheel) as archive:
        held = {name.replace("wellwise/examples/", "examples/") for name in archive.namelist()}
    with tarfile.open(sdist) as packed:
        sources = {name.partition("/")[2] for name in packed.getnames()}
    for what, names in (("wheel", held), ("sdist", sources)):
        if missing := sorted(wanted - names):
            raise Fault(f"the {what} lacks {', '.join(missing)}")
    if strange := {name.split("/")[0] for name in held if not name.startswith("wellwise-")} - set(
        ROOMS
    ):
        raise Fault(f"the wheel has more than our rooms: {', '.join(sorted(strange))}")
    say(f"{len(wanted)} files of ours in both; the wheel has {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def files_of(folder: Path) -> Iterator[Path]:
    """Every file of a room but the caches and the settings of our tools."""
    for path in folder.rglob("*"):
        hidden = any(
            part == "__pycache__" or part.startswith(".") for part in path.relative_to(folder).parts
        )
        if path.is_file() and not hidden and path.name != "ruff.toml":
            yield path


def light(installed: Installed) -> None:
    """A client's computer: no torch, no server, and a plain word where one of them is needed."""
    for module in ("torch", "prefect", "fastapi", "sqlmodel", "matplotlib"):
        if installed.has(module):
            raise Fault(f"wellwise[client] brings {module}")
    say(installed.run("wellwise", "--version").strip())
    names = "wellwise.Campaign, wellwise.Client, wellwise.Device, wellwise.Scorer"
    installed.run("python", "-c", f"import wellwise; {names}")
    if "manual" not in installed.run("wellwise", "driver", "list"):
        raise Fault("wellwise driver list does not know the driver manual")
    for words in (("run", "campaign.yaml"), ("serve",), ("pause", "--why", "lunch")):
        if _REMEDY not in installed.run("wellwise", *words, fails=True):
            raise Fault(f"wellwise {words[0]} does not say what it lacks")
    elsewhere = (
        "remote",
        "pause",
        "rpe",
        "--why",
        "lunch",
        "--url",
        "http://127.0.0.1:9",
        "--token",
        "t",
    )
    if "no service answers" not in installed.run("wellwise", *elsewhere, fails=True):
        raise Fault("wellwise remote does not say that no service answers")
    say("without the lab's packages it says what it lacks")


def ran_to_its_end(installed: Installed) -> str:
    """A lab's computer: the home in which a campaign of the examples came to its end."""
    say(installed.run("wellwise", "--version").strip())
    code = (
        "from importlib.resources import files; "
        f"print(files('wellwise.examples') / '{EXAMPLE}' / 'campaign.yaml')"
    )
    example = installed.run("python", "-c", code).strip()
    if Path(example).is_relative_to(ROOT):
        raise Fault(f"the example is the one of the sources: {example}")
    home = str(installed.folder / "home")
    say(f"demo {EXAMPLE}")
    printed = installed.run("wellwise", "demo", EXAMPLE, "--home", home)
    say(printed.strip().splitlines()[-1])
    installed.run(
        "wellwise", "report", CAMPAIGN, "--home", home, "--out", str(installed.folder / "results")
    )
    return home


def crate_of(installed: Installed) -> Path:
    """The crate of the campaign that was run."""
    crate = installed.folder / "crate.zip"
    home = str(installed.folder / "home")
    installed.run("wellwise", "export", CAMPAIGN, "--crate", str(crate), "--home", home)
    return crate


def stranger(crate: Path, wheel: Path, folder: Path) -> None:
    """Somebody who has the crate alone does what its README says, in an empty environment.

    The wheel lies beside what pip finds by itself, as the version of the crate may be published
    nowhere yet.
    """
    with zipfile.ZipFile(crate) as archive:
        archive.extractall(folder / "crate")
    (readme,) = (folder / "crate").rglob("README.md")
    words = [line[4:] for line in readme.read_text().splitlines() if line.startswith("    ")]
    kept = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))
    }
    programs = str(Path(sys.executable).parent)
    environment |= _UNCOMPILED | {
        "HOME": str(folder),
        "PATH": f"{programs}{os.pathsep}{environment.get('PATH', '')}",
        "PIP_FIND_LINKS": str(wheel.parent),
        "DO_NOT_TRACK": "1",
    }
    said = ""
    for command in words:
        say(f"a stranger: {command.split('#')[0].strip()}")
        ran = subprocess.run(
            shlex.split(command.replace("CRATE.zip", str(crate)), comments=True),
            cwd=readme.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        said = ran.stdout + ran.stderr
        if ran.returncode != 0:
            raise Fault(f"{command} of the crate's README ends with {ran.returncode}:\n{said}")
    say(said.strip().splitlines()[-1])


@contextmanager
def served(installed: Installed, home: str) -> Iterator[str]:
    """`wellwise serve` for as long as the block lasts; gives the link that signs in."""
    log = installed.folder / "served.txt"
    command = [str(installed.programs / "wellwise"), "serve", "--home", home, "--port", "0"]
    with log.open("w") as printed:
        running = subprocess.Popen(
            command,
            cwd=installed.folder,
            env=installed.environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + PATIENCE_MS / 1000
        while "Ctrl-C ends it" not in log.read_text():
            if running.poll() is not None or time.monotonic() > end:
                raise Fault(f"the service did not start:\n{log.read_text()}")
            time.sleep(0.1)
        link = re.search(r"http://\S+/login\?token=\S+", log.read_text())
        if link is None:
            raise Fault(f"the service printed no link to sign in:\n{log.read_text()}")
        yield link[0]
    finally:
        running.terminate()
        running.wait(timeout=60)
    if "Stopped." not in log.read_text():
        raise Fault(f"the service did not end as it should:\n{log.read_text()[-3000:]}")


def look_at_every_page(link: str) -> None:
    """Sign in by the link and open every page; none may have a fault, nor anything that it loads.

    Raises:
        Fault: with everything that was seen.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_BROWSER_FLAGS
        )
        try:
            visit(browser, link)
        finally:
            browser.close()


def visit(browser: Browser, link: str) -> None:
    """Every page, in the order in which a person would come to them."""
    expect.set_options(timeout=PATIENCE_MS)
    url = link.partition("/login")[0]
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    seen: list[str] = []
    _listen(page, seen)
    campaign = f"/campaigns/{CAMPAIGN}"

    def opened(path: str, status: int = 200) -> None:
        answer = page.goto(url + path)
        if answer is None or answer.status != status:
            seen.append(f"{path} answers {answer.status if answer else 'nothing'}, not {status}")
        say(f"  {path}")

    page.goto(link)
    expect(page).to_have_url(f"{url}/")
    opened("/")
    expect(page.locator("main")).to_contain_text("finished")
    opened("/campaigns/new")
    for example in sorted(folder.parent.name for folder in ROOT.glob("examples/*/campaign.yaml")):
        page.get_by_label("Begin with").select_option(label=example.replace("_", " "))
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    opened(campaign)
    expect(page.locator("#insight")).to_contain_text("Better than the standard")
    _see_pictures(page)
    opened(f"{campaign}/wells/1/1/A1")
    _see_pictures(page)
    opened("/robots")
    opened("/access")
    opened("/campaigns/nothing-of-this-name", 404)
    expect(page.locator("main")).to_contain_text("nothing-of-this-name")
    opened("/login")
    if seen:
        raise Fault("\n".join(seen))


def _see_pictures(page: Page) -> None:
    for picture in page.locator("img:visible").all():
        expect(picture).not_to_have_js_property("naturalWidth", 0)


def _listen(page: Page, seen: list[str]) -> None:
    def answered(response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            seen.append(f"{response.url} answers {response.status}")

    def wrote(message: ConsoleMessage) -> None:
        # That a page itself is not found, which one is to be, is written to the console too.
        if message.type in ("error", "warning") and not message.location["url"].endswith(
            "nothing-of-this-name"
        ):
            seen.append(f"console at {page.url}: {message.text}")

    page.on("response", answered)
    page.on("console", wrote)
    page.on("pageerror", lambda error: seen.append(f"fault at {page.url}: {error}"))
    # The stream of events of a page that is left is cut off.
    page.on(
        "requestfailed",
        lambda request: (
            "ERR_ABORTED" in (request.failure or "")
            or seen.append(f"{request.url} {request.failure}")
        ),
    )


if __name__ == "__main__":
    main()
