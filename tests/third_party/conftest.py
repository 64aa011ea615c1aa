"""Programs for another interpreter: pytest does not import them."""

collect_ignore = ["drive.py", "emulate.py", "validate_crate.py"]
