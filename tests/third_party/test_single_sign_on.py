"""People come in by an identity provider that somebody else wrote: `oidc-provider-mock`."""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from orchestrator.service.app import create_app
from orchestrator.service.backend import Backend
from orchestrator.settings import Settings
from tests.service import House, house, listening

CLIENTS = Path(os.environ.get("CLIENTS", ""))
PEOPLE = (
    {"sub": "ada", "email": "ada@lab.example", "groups": ["staff", "cell-lab"]},
    {"sub": "grace", "email": "grace@lab.example", "groups": ["cell-lab", "lab-admins"]},
    {"sub": "eve", "email": "eve@elsewhere.example", "groups": ["visitors"]},
)

pytestmark = pytest.mark.skipif(not os.environ.get("CLIENTS"), reason="make third-party runs these")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Where the provider listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    people = [word for claims in PEOPLE for word in ("--user-claims", json.dumps(claims))]
    command = [
        str(CLIENTS.absolute().parent / "oidc-provider-mock"),
        "--port",
        str(port),
        "--require-nonce",
        "true",
        *people,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/.well-known/openid-configuration")
                break
            except httpx.HTTPError:
                assert process.poll() is None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@contextmanager
def service(home: Path, issuer: str) -> Iterator[tuple[House, str]]:
    """A service that knows a provider, and where it listens."""
    with house(home) as found:
        settings = Settings(
            home=home,
            oidc_issuer=issuer,
            oidc_client_secret="between the two",
            oidc_roles="cell-lab=operator lab-admins=admin",
        )
        found.backend = Backend.opened(settings)
        found.app = create_app(found.backend, supervise=False)
        with listening(found) as url:
            yield found, url
        found.backend.journal.close()


def led(browser: httpx.Client, url: str, person: str) -> httpx.Response:
    """To the provider, through its form, and back to where it leads."""
    asked = browser.get(f"{url}/login/provider", follow_redirects=False)
    assert asked.status_code == 302
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["nonce"]
    assert query["state"]
    allowed = browser.post(asked.headers["location"], data={"sub": person}, follow_redirects=False)
    assert allowed.status_code in (302, 303), allowed.text
    return browser.get(allowed.headers["location"], headers={"Accept": "text/html"})


@pytest.mark.parametrize(("person", "role"), [("ada", "operator"), ("grace", "admin")])
def test_who_is_in_a_group_comes_in_with_its_role(
    person: str, role: str, provider: str, tmp_path: Path
) -> None:
    with service(tmp_path, provider) as (found, url), httpx.Client() as browser:
        assert "/login/provider" in browser.get(f"{url}/login").text
        answer = led(browser, url, person)
        assert answer.status_code == 200, found.backend.access.audit()[0]
        assert re.search(r'http-equiv="refresh" content="0; url=/"', answer.text)
        me = browser.get(f"{url}/api/v1/whoami").json()
        assert (me["person"], me["role"]) == (f"{person}@lab.example", role)
        # It is a token like any other: seen on the page Access, and revoked there.
        (token,) = [row for row in found.backend.access.tokens() if person in row.person]
        found.backend.access.revoke(token.id, "root")
        assert browser.get(f"{url}/api/v1/whoami").status_code == 401


def test_who_is_in_no_group_stays_outside_and_is_noted(provider: str, tmp_path: Path) -> None:
    with service(tmp_path, provider) as (found, url), httpx.Client() as browser:
        answer = led(browser, url, "eve")
        assert answer.status_code == 403
        assert "eve@elsewhere.example is in no group with a role here" in answer.text
        assert browser.get(f"{url}/api/v1/whoami").status_code == 401
        noted = [entry for entry in found.backend.access.audit() if entry.act == "sign_in_refused"]
        assert "eve@elsewhere.example" in noted[0].message


def test_an_answer_that_nobody_asked_for_lets_nobody_in(provider: str, tmp_path: Path) -> None:
    with (
        service(tmp_path, provider) as (_, url),
        httpx.Client() as browser,
        httpx.Client() as other,
    ):
        asked = browser.get(f"{url}/login/provider", follow_redirects=False)
        allowed = browser.post(
            asked.headers["location"], data={"sub": "grace"}, follow_redirects=False
        )
        back = allowed.headers["location"]
        # The code of one browser in another one, with a state of another time, and twice.
        assert other.get(back).status_code == 401
        assert browser.get(re.sub(r"state=[^&]+", "state=other", back)).status_code == 401
        assert browser.get(back).status_code == 401, "its state is used up"
        assert browser.get(f"{url}/api/v1/whoami").status_code == 401


def test_a_provider_that_does_not_answer_is_said_and_tokens_still_let_in(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with service(tmp_path, f"http://127.0.0.1:{port}") as (found, url), httpx.Client() as browser:
        answer = browser.get(f"{url}/login/provider")
        assert answer.status_code == 503
        assert "identity provider does not answer" in answer.text
        secret = found.secrets["viewer"]
        browser.get(f"{url}/login?token={secret}", follow_redirects=True)
        assert browser.get(f"{url}/api/v1/whoami").json()["role"] == "viewer"


def test_a_browser_that_comes_back_from_another_site_is_signed_in(
    provider: str, tmp_path: Path, chromium: Browser
) -> None:
    elsewhere = provider.replace("127.0.0.1", "localhost")  # another site for a browser
    with service(tmp_path, elsewhere) as (_, url):
        context = chromium.new_context()
        try:
            page = context.new_page()
            page.goto(f"{url}/")
            page.get_by_role("link", name="Sign in by localhost").click()
            page.get_by_role("button", name=re.compile("ada")).click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")
            expect(page.locator(".person")).to_have_text("ada@lab.example (operator)")
        finally:
            context.close()
