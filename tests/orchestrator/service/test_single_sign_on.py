"""Which role the groups of an identity provider give; sign-in itself is tested with a real one."""

from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.journal.access_tokens import Role
from orchestrator.service.single_sign_on import role_of
from orchestrator.settings import Settings


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["staff", "cells"]}, Role.OPERATOR),
        ({"groups": ["admins", "cells"]}, Role.ADMIN),
        ({"groups": "guests"}, Role.VIEWER),
        ({"groups": []}, None),
        ({"groups": ["cell"]}, None),
        ({}, None),
        ({"groups": ["cells=admin"]}, None),
    ],
)
def test_the_highest_role_of_a_persons_groups_counts(
    claims: dict[str, Any], role: Role | None
) -> None:
    roles = "guests=viewer cells=operator admins=admin"
    settings = Settings(oidc_issuer="https://login.example", oidc_roles=roles)
    assert role_of(claims, settings) == role


def test_groups_may_be_in_another_claim() -> None:
    settings = Settings(
        oidc_issuer="https://login.example", oidc_role_claim="roles", oidc_roles="a=b=viewer"
    )
    assert role_of({"roles": ["a=b"], "groups": ["a=b"]}, settings) is Role.VIEWER
    assert role_of({"groups": ["a=b"]}, settings) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"oidc_roles": "cells=owner"}, "cells=owner \\(expected GROUP=viewer"),
        ({"oidc_roles": "cells"}, "expected GROUP=viewer"),
        ({"oidc_issuer": "https://login.example"}, "nobody could come in"),
        ({"oidc_issuer": "login.example", "oidc_roles": "a=viewer"}, "oidc_issuer"),
    ],
)
def test_settings_by_which_nobody_could_come_in_are_refused(
    given: dict[str, str], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate(given)
