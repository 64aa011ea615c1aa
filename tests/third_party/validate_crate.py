"""Validates an RO-Crate by the CRS4 validator; prints what it finds as JSON. No network is used.

    python validate_crate.py CRATE CONTEXT.jsonld PROFILE...

CONTEXT is the context that the package `rocrate` ships, of RO-Crate 1.3. It has the terms of 1.2
under the same addresses, but for one, which is set here as 1.2 has it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import requests
from rocrate_validator import models, services

_WORKFLOW = "https://bioschemas.org/ComputationalWorkflow"


def served(content: bytes) -> Any:
    """What answers every request for a context, and nothing else."""

    def send(_: Any, request: Any, **__: Any) -> Any:
        answer = requests.Response()
        answer.url, answer.request = request.url, request
        known = request.url.endswith("/context")
        answer.status_code = 200 if known else 404
        answer.headers["Content-Type"] = "application/ld+json"
        answer._content = content if known else b""
        return answer

    return send


def main(crate: str, context: str, profiles: list[str]) -> None:
    """Print profile -> [severity, check, message] of each issue."""
    terms = json.loads(Path(context).read_text(encoding="utf-8"))
    terms["@context"]["ComputationalWorkflow"] = _WORKFLOW
    requests.adapters.HTTPAdapter.send = served(json.dumps(terms).encode())
    found = {}
    for profile in profiles:
        settings = services.ValidationSettings(
            rocrate_uri=crate,
            profile_identifier=profile,
            requirement_severity=models.Severity.RECOMMENDED,
            no_cache=True,
        )
        found[profile] = [
            (issue.severity.name, issue.check.identifier, str(issue.message))
            for issue in services.validate(settings).get_issues()
        ]
    print(json.dumps(found))


main(sys.argv[1], sys.argv[2], sys.argv[3:])
