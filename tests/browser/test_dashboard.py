"""The dashboard in a real browser.

A campaign from its launch to its result, and a service that is killed meanwhile.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from orchestrator.journal.journal import Journal
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.conftest import RPE_FILE

# How long a wait may be before it counts as a fault: a slow machine is none.
PATIENCE_MS = 240_000
expect.set_options(timeout=PATIENCE_MS)


class Service:
    """`wellwise serve` as a process of its own; what it prints is read as a person would."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.log = home / "printed.txt"
        environment = os.environ | {"WELLWISE_LEASE_S": "2"}
        command = [
            str(Path(sys.executable).with_name("wellwise")),
            "serve",
            "--home",
            str(home),
            "--port",
            str(port),
        ]
        with self.log.open("w") as printed:
            self.process = subprocess.Popen(
                command, stdout=printed, stderr=printed, env=environment, start_new_session=True
            )
        self._wait(lambda: "Ctrl-C ends it" in self.log.read_text())
        found = re.search(r"serves (http://127\.0\.0\.1:(\d+))", self.log.read_text())
        assert found
        self.url, self.port = found[1], int(found[2])

    @property
    def ready_url(self) -> str:
        """The address with the first token."""
        found = re.search(r"http://\S+/login\?token=\S+", self.log.read_text())
        assert found, self.log.read_text()
        return found[0]

    def _wait(self, answer: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_MS / 1000
        while not answer():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def service(home: Path, port: int = 0) -> Iterator[Service]:
    running = Service(home, port)
    try:
        yield running
    finally:
        running.end()


def opened(browser: Browser, elsewhere: list[str], **options: Any) -> Page:
    viewport = {"viewport": {"width": 1280, "height": 900}}
    context = browser.new_context(**(viewport | options))
    context.set_default_timeout(PATIENCE_MS)

    def only_here(route: Route) -> None:
        if route.request.url.startswith("http://127.0.0.1:"):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context.route("**/*", only_here)
    page = context.new_page()
    page.on("pageerror", lambda error: elsewhere.append(f"fault on the page: {error}"))
    return page


def half(text: str) -> str:
    """The published campaign with half of its plates."""
    for whole, less in (
        ("count: 8", "count: 4"),
        ("initial: 47", "initial: 23"),
        ("proposed: 46", "proposed: 22"),
    ):
        assert whole in text
        text = text.replace(whole, less)
    return text


def confirm(page: Page, button: str, why: str) -> None:
    pressed = page.get_by_role("button", name=button, exact=True).first
    pressed.wait_for()
    page.wait_for_load_state()  # a page that was just opened has its buttons before its scripts
    pressed.click()
    page.get_by_label("Reason").fill(why)
    page.locator("#act-confirm").click()
    expect(page.locator("#act")).not_to_be_visible()


def write(page: Page, text: str) -> None:
    """Put a text in the place of the one in the editor."""
    page.get_by_role("textbox", name="Campaign file").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def accessible(page: Page, name: str) -> None:
    # Preloading would write style sheets into the page, which its content policy forbids.
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
    serious = [
        f"{name}: {v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in found.response["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []


def wait_for(page: Page, enough: Callable[[list[int]], bool]) -> list[int]:
    """The ids of the events that a page has received, once there are enough of them."""
    for _ in range(PATIENCE_MS // 100):
        ids: list[int] = page.evaluate("window.wellwiseReceived")
        if enough(ids):
            return ids
        page.wait_for_timeout(100)
    raise AssertionError(f"received only {ids}")


def test_a_campaign_from_its_launch_to_its_result(
    chromium: Browser, elsewhere: list[str], tmp_path: Path
) -> None:
    with service(tmp_path) as running:
        page = opened(chromium, elsewhere)
        page.goto(running.ready_url)
        expect(page.get_by_text("No campaign yet.")).to_be_visible()
        accessible(page, "empty overview")
        page.get_by_role("link", name="Launch the first one").click()

        # A fault on the line makes a doubt; two rounds, each with its approval.
        page.get_by_label("Begin with").select_option(label="rpe")
        expect(page.get_by_role("button", name="Launch")).to_be_enabled()
        page.get_by_role("tab", name="Text").click()
        text = RPE_FILE.read_text()
        write(page, text.replace("stop:", "stopp:"))
        expect(page.locator("#findings")).to_contain_text("did you mean 'stop'")
        expect(page.get_by_role("button", name="Launch")).to_be_disabled()
        accessible(page, "new campaign with problems")
        fault = "{kind: disconnect, round: 1, plate: 3, step: E, occurrence: 5, heard: true}"
        doubtful = f"memory: cannot say\n      faults: [{fault}, "
        text = (
            half(text)
            .replace("rounds: 3}", "rounds: 2}")
            .replace("\nrounds:\n", "\nrounds:\n  approval: true\n")
        )
        text = text.replace("faults: [", doubtful).replace(
            "iPSC to RPE cells, coloured-cell ratio", '"<img src=x onerror=alert(1)>"'
        )
        write(page, text)
        expect(page.locator("#findings")).to_contain_text("The file is valid.")
        expect(page.locator("#preview")).to_contain_text("Volumes of a round")
        accessible(page, "new campaign")
        page.get_by_role("button", name="Launch").click()
        page.wait_for_url("**/campaigns/rpe")

        expect(page.get_by_role("heading", name="A person is needed")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=alert(1)>")
        accessible(page, "campaign that waits for approval")
        confirm(page, "Approve", "<script>alert(2)</script>")

        # Round 1 fills the plates while nobody touches the page; the plate of the doubt waits for a
        # person.
        doubt = page.locator(".needs").get_by_text("rpe/r1/p3/E/5")
        expect(doubt).to_be_visible()
        expect(page.locator(".well.read")).to_have_count(17)
        page.goto(f"{running.url}/")
        expect(page.get_by_role("heading", name="A person is needed")).to_be_visible()
        accessible(page, "overview")
        page.goto(f"{running.url}/robots")
        expect(page.get_by_role("heading", name="maholo")).to_be_visible()
        accessible(page, "robots")
        page.goto(f"{running.url}/campaigns/rpe")
        confirm(page, "It was done", "the plate has fresh medium")
        expect(page.locator(".well.read")).to_have_count(23)
        expect(page.locator(".needs")).to_contain_text("the batch of round 2 waits for approval")
        expect(page.locator("#proposals")).to_contain_text("control: number 1 of round 1")
        page.locator("#plates a.well").first.click()
        page.locator("#detail").get_by_role("button", name="Leave empty").click()
        page.get_by_label("Reason").fill("a scratch")
        page.locator("#act-confirm").click()
        expect(page.locator("#detail")).to_contain_text("left empty: a scratch")
        page.locator("#detail-close").click()
        confirm(page, "Approve", "looks well")
        expect(page.locator(".head .status")).to_have_text("finished")
        expect(page.locator("#insight")).to_contain_text("Better than the standard")
        expect(page.locator("#insight img").first).to_have_js_property("complete", True)
        accessible(page, "finished campaign")
        page.locator("#plates a.well.read").first.click()
        expect(page.locator("#detail img.plain")).to_have_js_property("complete", True)
        page.get_by_label("Show what was counted").check()
        expect(page.locator("#detail img.plain")).not_to_be_visible()
        expect(page.locator("#detail figure img")).not_to_have_js_property("naturalWidth", 0)
        accessible(page, "a well")
        page.goto(f"{running.url}/access")
        page.get_by_label("For", exact=True).fill("=cmd|' /C calc'!A0")
        page.get_by_role("button", name="Make").click()
        expect(page.locator("#token-made")).to_contain_text("not shown again")
        accessible(page, "access")
        dark = opened(
            chromium, elsewhere, color_scheme="dark", storage_state=page.context.storage_state()
        )
        dark.goto(f"{running.url}/campaigns/rpe")
        expect(dark.locator("#insight table").first).to_be_visible()
        accessible(dark, "dark campaign")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login")
        accessible(page, "login")
        page.get_by_label("Your token").fill("nonsense")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known here")
        page.goto(f"{running.url}/campaigns/rpe")
        expect(page).to_have_url(f"{running.url}/login?next=/campaigns/rpe")
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    decided = {
        event.kind: (event.who, event.message)
        for event in journal.events("rpe")
        if event.who != "wellwise"
    }
    assert decided["job_done"][1] == "the plate has fresh medium"
    assert set(decided) == {"campaign_created", "round_approved", "job_done", "well_lost"}
    assert elsewhere == []


def test_browsers_miss_nothing_when_the_service_is_killed(
    chromium: Browser, elsewhere: list[str], tmp_path: Path
) -> None:
    received: list[set[int]] = []
    with service(tmp_path) as first:
        pages = [opened(chromium, elsewhere) for _ in range(3)]
        pages[0].goto(first.ready_url)
        state = pages[0].context.storage_state()
        for page in pages[1:]:
            page.context.add_cookies(state["cookies"])  # type: ignore[arg-type]
        pages[0].evaluate(
            """async (file) => {
                const csrf = document.body.dataset.csrf;
                const headers = {"Content-Type": "application/json", "X-CSRF-Token": csrf};
                await fetch("/api/v1/campaigns", {method: "POST", headers, body:
                JSON.stringify({file})});
            }""",
            half(RPE_FILE.read_text()).replace("rounds: 3}", "rounds: 1}"),
        )
        begins = []
        for page in pages:
            page.goto(f"{first.url}/campaigns/rpe")
            begins.append(int(page.locator("body").get_attribute("data-last") or 0))
        wait_for(pages[0], lambda ids: len(ids) > 60)
        first.kill()
        for page in pages:
            expect(page.locator("#link")).to_contain_text("connection lost")
        with service(tmp_path, first.port):
            for page in pages:
                expect(page.locator(".head .status")).to_have_text("finished")
            journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
            last = journal.last_event("rpe")
            for page in pages:
                received.append(wait_for(page, lambda ids: ids[-1] == last))
    for begin, ids in zip(begins, received, strict=True):
        assert ids == [event.id for event in journal.events("rpe", after=begin)]
    done = Counter(
        (step.key, step.position)
        for step in RobotLog(lab_log_path(tmp_path, "ipsc-rpe")).everything()
    )
    assert len(done) > 1000
    assert max(done.values()) == 1
    assert elsewhere == []


def test_somebody_without_a_role_sees_no_button_that_would_be_refused(
    chromium: Browser, elsewhere: list[str], tmp_path: Path
) -> None:
    wellwise = str(Path(sys.executable).with_name("wellwise"))
    made = subprocess.run(
        [wellwise, "token", "create", "eve", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    with service(tmp_path) as running:
        page = opened(chromium, elsewhere)
        page.goto(f"{running.url}/login?token={made.stdout.split()[0]}&next=//evil.example")
        expect(page).to_have_url(f"{running.url}/")
        expect(page.get_by_role("link", name="New campaign")).to_have_count(0)
        page.goto(f"{running.url}/access")
        expect(page.locator("body")).to_contain_text("this needs the role admin")
    assert elsewhere == []
