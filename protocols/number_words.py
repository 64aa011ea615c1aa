"""Numbers of things, as people say them."""


def counted(number: int, what: str) -> str:
    """Such as `1 day` or `3 days`; `what` is one of them, with an ordinary plural."""
    return f"{number} {what}" + ("" if number == 1 else "s")
