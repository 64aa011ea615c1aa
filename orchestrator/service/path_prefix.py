"""Below a path of another service: a proxy takes the path away and says so in a header."""

import re

from starlette.requests import Request

HEADER = "X-Forwarded-Prefix"

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){1,8}")
_LONGEST = 200
_ADDRESS = re.compile(r'(\s(?:href|src|action|data-url|data-lazy)=")(?=/(?!/))')


def prefix_of(request: Request) -> str:
    """The path below which the browser sees this service, such as `/wellwise`; empty if none.

    What is no such path is not taken: a page or a redirect never leads to another host.
    """
    prefix = request.headers.get(HEADER, "").rstrip("/")
    return prefix if len(prefix) <= _LONGEST and _PREFIX.fullmatch(prefix) else ""


def location_below(request: Request, location: str) -> str:
    """Where a redirect to a place of this service leads the browser."""
    prefix, own = prefix_of(request), str(request.base_url).rstrip("/")
    path = location.removeprefix(own)
    if not path.startswith("/") or path.startswith("//"):
        return location
    return location[: len(location) - len(path)] + prefix + path


def below_prefix(request: Request, html: str) -> str:
    """HTML of a page whose own addresses begin with the prefix of the request.

    Pages are rendered, and kept, without one.
    """
    prefix = prefix_of(request)
    return _ADDRESS.sub(lambda found: found[1] + prefix, html) if prefix else html
