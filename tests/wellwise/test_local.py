"""A client that brings its service along: launch, watch, read, and go on another time."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest

from orchestrator.client import RefusedByService
from tests.conftest import ASSAY_FILE
from tests.program import wellwise
from wellwise.local import LocalClient

TEXT = re.sub(r"(?m)^stop:.*$", "stop: {rounds: 1}", ASSAY_FILE.read_text())


def test_a_program_runs_a_campaign_and_reads_what_the_command_line_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalClient(tmp_path) as client:
        launched = client.launch(TEXT, seed=3)
        ended = client.watch(launched.id, every_s=0.05)
        assert ended.status == "finished"
        results = client.results(launched.id)
        figure = client.figure(launched.id, "calibration")
        assert httpx.get(client.link, follow_redirects=True).status_code == 200
    assert "<svg" in figure._repr_svg_()
    assert launched.id in capsys.readouterr().out
    exported = wellwise("export", launched.id, home=tmp_path)
    assert exported.returncode == 0, exported.stderr
    table = pd.read_csv(tmp_path / "campaigns" / launched.id / "wells.csv")
    assert results["ratio"].to_list() == pytest.approx(table["ratio"].to_list(), nan_ok=True)


def test_a_home_is_gone_on_with_and_old_links_have_ended(tmp_path: Path) -> None:
    with LocalClient(tmp_path) as client:
        name = client.launch(TEXT).id
        client.pause(name, "lunch")
        old = client.link.partition("token=")[2]
    with LocalClient(tmp_path) as client:
        assert [(one.id, one.status) for one in client.campaigns()] == [(name, "paused")]
        with pytest.raises(RefusedByService, match="launched already"):
            client.launch(TEXT)
        assert httpx.get(f"{client.url}/login?token={old}").status_code == 401
        client.resume(name, "back")
        assert client.watch(name, every_s=0.05).status == "finished"


def test_a_script_of_a_few_lines_without_a_guard_runs_a_campaign(tmp_path: Path) -> None:
    (tmp_path / "campaign.yaml").write_text(TEXT)
    (tmp_path / "script.py").write_text(
        "from wellwise import LocalClient\n"
        "with LocalClient('home') as client:\n"
        "    name = client.launch(open('campaign.yaml').read()).id\n"
        "    print(client.watch(name, every_s=0.05).status, len(client.results(name)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("finished ")


def test_a_paused_campaign_is_not_waited_for(tmp_path: Path) -> None:
    with LocalClient(tmp_path) as client:
        name = client.launch(TEXT).id
        client.pause(name, "lunch")
        assert client.watch(name, every_s=0.05).status == "paused"


def test_a_campaign_says_in_a_notebook_how_far_it_is(tmp_path: Path) -> None:
    with LocalClient(tmp_path) as client:
        found = client.launch(TEXT.replace("title: ", "title: <b>bold</b> ", 1))
        shown = found._repr_html_()
    assert "&lt;b&gt;bold" in shown
    assert f"round {found.round} of 1" in shown
