"""What a service says before a launch: the vocabulary, a preview, what was launched already."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from orchestrator.studies.training import has_simulated_people
from protocols.campaign_file import read_campaign
from protocols.campaign_parts import RobotConfig
from protocols.operations import OPERATIONS
from protocols.parameters import PARAMETER_KINDS
from tests.conftest import ASSAY_FILE, ROOT, RPE_FILE
from tests.service import House, house

V1 = "/api/v1"
FORMULATION = ROOT / "examples/formulation/campaign.yaml"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def test_the_vocabulary_has_the_schema_by_which_others_check_our_examples(served: House) -> None:
    vocabulary = served.client("viewer").get(f"{V1}/vocabulary").json()
    validator = Draft202012Validator(vocabulary["schema"])
    for file in ROOT.glob("examples/*/campaign.yaml"):
        data = YAML(typ="safe", pure=True).load(file.read_text())
        assert not list(validator.iter_errors(data)), file
    broken = data | {"seed": "many"}
    assert [error.json_path for error in validator.iter_errors(broken)] == ["$.seed"]


def test_whatever_is_installed_is_in_the_vocabulary(served: House) -> None:
    vocabulary = served.client("viewer").get(f"{V1}/vocabulary").json()
    assert vocabulary["operations"].keys() == OPERATIONS.keys()
    kinds = vocabulary["schema"]["properties"]["parameters"]["items"]["discriminator"]["mapping"]
    assert kinds.keys() == PARAMETER_KINDS.keys()
    assert vocabulary["scorers"]["concentration"]["options"]["properties"]
    assert vocabulary["labware"]["96-well"] == {"rows": 8, "columns": 12, "absent": []}
    # A file from a browser may not open a port of this computer.
    assert {"simulated", "manual"} <= vocabulary["drivers"].keys()
    assert "ne-1000" not in vocabulary["drivers"]


def test_a_campaign_is_launched_for_training_with_simulated_people(served: House) -> None:
    client, text = served.client("operator"), FORMULATION.read_text()
    launched = client.post(f"{V1}/campaigns", json={"file": text, "simulated_people": True}).json()
    assert launched["id"].endswith("-simulated")
    assert launched["title"].endswith("(simulated people)")
    campaign = served.backend.state(launched["id"])[1].campaign
    assert has_simulated_people(campaign)
    assert not has_simulated_people(read_campaign(text))
    # The same name over a real person: nobody makes up what that one measured.
    person = {"dispenser": RobotConfig(driver="manual")}
    assert not has_simulated_people(campaign.model_copy(update={"robots": person}))


def test_a_preview_says_what_is_permitted_what_to_load_and_what_it_costs(served: House) -> None:
    text = FORMULATION.read_text()
    text += "costs: [{name: stuff, unit: EUR, fixed: 1, terms: {oil: 0.1}}]\n"
    answer = served.client("viewer").post(f"{V1}/campaigns/validate", json={"file": text})
    preview = answer.json()
    mixture, *_ = preview["space"]["constraints"]
    assert mixture["constraint"] == "oil + water + wax + carbomer + xanthan = 100"
    assert mixture["exact"]
    assert 0 < preview["space"]["share"] < mixture["share"] < 1
    assert preview["loads"][0]["plates"] == {"vials": 1}
    [cost] = preview["costs"]
    oil = sum(well["condition"]["oil"] for well in preview["layout"])
    assert cost["total"] == pytest.approx(12 + 0.1 * oil)
    assert preview["robot_hours"]["dispenser"] > 0
    assert preview["steps"][1]["when"] == "1 day after fill"
    assert preview["first_day"] < preview["last_day"] < preview["ends_at"]


def test_the_same_campaign_is_launched_twice_only_by_who_says_so(served: House) -> None:
    client, text = served.client("operator"), ASSAY_FILE.read_text()
    assert client.post(f"{V1}/campaigns", json={"file": text}).status_code == 201
    # Another comment makes no other campaign.
    refused = client.post(f"{V1}/campaigns", json={"file": f"# Mine.\n{text}"})
    assert refused.status_code == 409
    assert "launched already: colour-assay (running)" in refused.json()["detail"]
    [known] = client.post(f"{V1}/campaigns/validate", json={"file": text}).json()["launched"]
    assert (known["id"], known["same"]) == ("colour-assay", True)
    again = client.post(f"{V1}/campaigns", json={"file": text, "again": True})
    assert again.json()["id"] == "colour-assay-2"


def test_another_campaign_of_that_name_or_another_seed_is_no_repetition(served: House) -> None:
    client, text = served.client("operator"), ASSAY_FILE.read_text()
    client.post(f"{V1}/campaigns", json={"file": text})
    other = text.replace("rounds: 3", "rounds: 2")
    assert client.post(f"{V1}/campaigns", json={"file": other}).status_code == 201
    assert client.post(f"{V1}/campaigns", json={"file": text, "seed": 99}).status_code == 201
    known = client.post(f"{V1}/campaigns/validate", json={"file": text}).json()["launched"]
    assert [found["same"] for found in known] == [True, False, False]


def test_a_file_of_the_earlier_form_is_rewritten_with_its_comments(served: House) -> None:
    answer = served.client("viewer").post(
        f"{V1}/campaigns/migrate", json={"file": RPE_FILE.read_text()}
    )
    text = answer.json()["file"]
    assert "objectives:" in text
    assert "# What the pipette can make by adding whole tips of stock." in text
