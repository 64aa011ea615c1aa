"""A new scorer is one file: a package that announces it needs nothing else to change."""

import json
from pathlib import Path

from tests.conftest import ASSAY_FILE
from tests.protocols.packages import install, printed

SOURCE = '''
from pydantic import BaseModel, ConfigDict

from protocols.jobs import Reading
from protocols.scoring import Score


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tare_mg: float = 0.0


class Weight:
    """The share of 2 g that a balance showed, without the tare."""

    Options = Options
    version = "7"

    def __init__(self, options: Options) -> None:
        self._tare = options.tare_mg

    def score(self, reading: Reading) -> Score:
        return Score(value=(reading.number - self._tare) / 2000, flags=())
'''

PROGRAM = """
import json, sys
from pathlib import Path
from orchestrator.control.act import perform
from orchestrator.control.wells import ReadTable
from orchestrator.core.round_planning import plan_round
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import open_lab
from orchestrator.settings import Settings
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from tests.conftest import START

home, text = Path(sys.argv[1]), sys.stdin.read()
found = {}
try:
    checked_campaign(NamedText(text.replace("tare_mg", "tara"), "file"), Settings(home=home))
except InvalidInput as refused:
    found["wrong option"] = str(refused)
campaign = checked_campaign(NamedText(text, "file"), Settings(home=home))
journal = Journal(Settings(home=home).journal_url)
name = journal.create_campaign(campaign, text, [], START)
layout = plan_round(campaign, 1, []).layout
jobs = compile_jobs(campaign, name, layout, START)
journal.plan_round(name, layout, jobs, [], START, START)
lab = open_lab(Settings(home=home), journal, journal.state(name), [])
table = "well,value\\nA1,1500\\nB1,900\\n"
act = ReadTable(table=table, round_number=1, plate=1, unit="mg", why="weighed")
perform(lab, name, act, "ada")
wells = journal.state(name).rounds[0].wells
found["values"] = {well.well.name: well.value for well in wells if well.value is not None}
json.dump(found, sys.stdout)
"""


def test_a_scorer_of_somebody_else_is_one_file(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    install(packages, "balance", SOURCE, "wellwise.scorers", "weight = balance:Weight")
    text = ASSAY_FILE.read_text() + "\nobjective: {scorer: weight, options: {tare_mg: 100}}\n"
    found = json.loads(printed(packages, PROGRAM, str(tmp_path / "home"), text=text))
    assert found["values"] == {"A1": 0.7, "B1": 0.4}
    assert "tara" in found["wrong option"]
