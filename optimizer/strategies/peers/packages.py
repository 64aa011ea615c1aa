"""What the environment of each strategy of others holds: the only place of these versions."""

PACKAGES: dict[str, tuple[str, ...]] = {
    "ax": ("ax-platform==1.3.1", "botorch==0.18.1", "torch==2.13.0"),
    "baybe": ("baybe==0.15.0", "botorch==0.18.1", "torch==2.13.0"),
}
"""Strategy -> packages, as pip takes them."""


def environment_name(strategy: str) -> str:
    """The name of a strategy's environment below wellwise's home."""
    return f"strategy-{strategy}"
