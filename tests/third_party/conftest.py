"""Programs for another interpreter: pytest does not import them."""

from tests.browser.conftest import chromium

__all__ = ["chromium"]

collect_ignore = ["ask_by_mcp.py", "drive.py", "emulate.py", "validate_crate.py"]
