"""A campaign file of the earlier form is rewritten: the same campaign, and every comment kept."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.cli.main import app
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from protocols.migration import in_new_form
from tests.conftest import ASSAY_FILE, RPE_FILE

GLANCE = """    - name: glance
      robot: camera
      days: 0
      at: 10:00
      tolerance: 1 hour
      operations: [{do: image}]
"""
ASSAY = ASSAY_FILE.read_text().replace("    - name: read\n", GLANCE + "    - name: read\n")

COMMENT = st.from_regex(r" {1,3}#[ a-z:\[\]{}'\"-]{0,12}[a-z]", fullmatch=True)
EOL = st.just("") | COMMENT
ABOVE = st.just("") | COMMENT.map(lambda text: text.strip() + "\n")
BLANK = st.sampled_from(("", "\n", "\n\n"))


@st.composite
def objectives(draw: st.DrawFn) -> str:
    """The key `objective`, in one of the ways in which people write it; or nothing."""
    keys = draw(
        st.lists(st.sampled_from(("name: hue", "scorer: absorbance", "options")), unique=True)
    )
    if draw(st.booleans()):
        inside = ", ".join(key if key != "options" else "options: {full: 2.0}" for key in keys)
        return f"objective: {{{inside}}}{draw(EOL)}\n" if draw(st.booleans()) or keys else ""
    if not keys:
        return ""
    by = draw(st.sampled_from(("  ", "    ")))
    lines = [f"objective:{draw(EOL)}\n"]
    for key in keys:
        lines += [by + text for text in [draw(ABOVE)] if text]
        if key == "options":
            lines += [f"{by}options:{draw(EOL)}\n", f"{by}{by}full: 2.0{draw(EOL)}\n"]
        else:
            lines.append(f"{by}{key}{draw(EOL)}\n")
    return "".join(lines)


@st.composite
def measurements(draw: st.DrawFn) -> str:
    """The key `measurements` with one of them, or nothing."""
    match draw(st.sampled_from(("none", "flow", "block", "column", "inline"))):
        case "flow":
            body = f"  - {{name: early, step: glance}}{draw(EOL)}\n"
        case "block":
            body = f"  - name: early{draw(EOL)}\n    step: glance{draw(EOL)}\n"
        case "column":
            body = f"- step: glance{draw(EOL)}\n  name: early\n"
        case "inline":
            return f"measurements: [{{name: early, step: glance}}]{draw(EOL)}\n"
        case _:
            return ""
    return f"measurements:{draw(EOL)}\n{draw(ABOVE)}{body}"


@settings(max_examples=25)
@given(objectives(), measurements(), ABOVE, ABOVE, BLANK, st.booleans())
def test_it_is_the_same_campaign_with_every_comment(
    objective: str, measurement: str, first: str, second: str, blank: str, windows: bool
) -> None:
    text = ASSAY.replace("parameters:\n", f"{first}{objective}{blank}{second}parameters:\n", 1)
    text = text.replace("plates:", f"{measurement}{blank}plates:", 1)
    text = text.replace("\n", "\r\n") if windows else text
    campaign = read_campaign(text)
    written = in_new_form(text)
    assert read_campaign(written) == campaign
    assert re.search(r"^outcomes:", written, re.MULTILINE)
    assert not re.search(r"^(objective|measurements):", written, re.MULTILINE)
    assert ("\r" in written) == windows
    assert in_new_form(written) == written
    for comment in re.findall(r"(?:^|\s)#(.*)", text):
        assert comment.strip() in written
    # What is not about outcomes is as it was.
    assert text[text.index("protocol:") : text.index("{do: image}")] in written


def test_the_command_rewrites_the_file_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(RPE_FILE.read_text())

    def migrate(*more: str) -> str:
        ran = CliRunner().invoke(app, ["migrate", str(file), *more])
        assert ran.exit_code == 0, ran.output
        return ran.output

    assert "Written: " in migrate("--out", str(tmp_path / "new.yaml"))
    assert file.read_text() == RPE_FILE.read_text()
    assert "the same campaign" in migrate()
    assert file.read_text() == (tmp_path / "new.yaml").read_text()
    assert "# Parameter names and levels are the published ones." in file.read_text()
    assert read_campaign(file.read_text()) == read_campaign(RPE_FILE.read_text())
    assert "nothing to do" in migrate()


def test_what_cannot_be_rewritten_is_left_alone() -> None:
    with pytest.raises(InvalidInput, match="unknown key: did you mean 'scorer'"):
        in_new_form(ASSAY + "objective: {scorrer: x}\n")
    braces = "{" + ASSAY_FILE.read_text().replace("\n", " ")
    with pytest.raises(InvalidInput):
        in_new_form(braces)
    odd = ASSAY.replace("seed: 7\n", "seed: 7\nobjective: &it {scorer: absorbance}\n")
    written = in_new_form(odd)
    assert read_campaign(written) == read_campaign(odd)
