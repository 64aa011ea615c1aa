"""Programs for another interpreter: pytest does not import them."""

collect_ignore = ["ask_by_mcp.py", "drive.py", "emulate.py", "validate_crate.py"]
