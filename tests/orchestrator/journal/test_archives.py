import zipfile
from pathlib import Path

import pytest

from orchestrator.errors import JournalError
from orchestrator.journal.archives import opened_archive
from orchestrator.journal.backup import restore
from orchestrator.results.crate import verify
from orchestrator.settings import Settings


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of some kilobytes, of which one part is a gigabyte of nothing."""
    path = tmp_path_factory.mktemp("bomb") / "crate.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("ro-crate-metadata.json", '{"@graph": []}')
        target.writestr("manifest.json", '{"sha256": {"events.json": ""}}')
        with target.open("events.json", "w", force_zip64=True) as part:
            for _ in range(256):
                part.write(bytes(1 << 20))
    assert path.stat().st_size < 1_000_000
    return path


@pytest.mark.reproduction("F3")
def test_an_archive_that_would_swell_is_not_opened(bomb: Path, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"events.json would expand from .* to 268,435,456"):
        opened_archive(bomb)
    with pytest.raises(JournalError, match="would expand"):
        verify(bomb)
    with pytest.raises(JournalError, match="would expand"):
        restore(Settings(home=tmp_path), bomb)


def test_what_compresses_well_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "sound.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("events.json", "\n".join(f'{{"event": {n}}}' for n in range(800_000)))
    with opened_archive(path) as source:
        assert source.getinfo("events.json").file_size > 10_000_000
