"""Single sign-on: people come in by the laboratory's own identity provider, by OpenID Connect.

Authlib speaks the protocol: authorization code with PKCE, state and nonce; the ID token is checked
against the provider's keys. A person who comes in gets an access token of this service for as long
as a browser session lasts, so that the page Access shows and revokes it like any other.
"""

import secrets
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from joserfc.errors import JoseError
from starlette.middleware.sessions import SessionMiddleware

from orchestrator.journal.access_tokens import SESSION, Role
from orchestrator.languages import gettext
from orchestrator.service.authentication import address_of, backend_of
from orchestrator.service.dashboard.sessions import login_page, session_begun
from orchestrator.service.path_prefix import prefix_of
from orchestrator.service.problems import Refused
from orchestrator.settings import Settings

with warnings.catch_warnings(record=True):  # it prefers a successor of httpx that few have yet
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.starlette_client import OAuth

single_sign_on = APIRouter(include_in_schema=False)

_WAY_S = 600
"""How long the way to the provider and back may take."""

_PERSON = ("preferred_username", "email", "sub")
"""Claims that name a person, the first that there is."""


def install(app: FastAPI, settings: Settings) -> None:
    """Let an app sign people in by the provider of the settings."""
    provider = OAuth()
    provider.register(
        "lab",
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret or None,
        client_kwargs={
            "scope": settings.oidc_scope,
            "code_challenge_method": "S256",
            **({} if settings.oidc_client_secret else {"token_endpoint_auth_method": "none"}),
        },
    )
    app.state.provider = provider.lab
    # Lax: the provider leads back here from another site. It holds state, nonce and verifier only.
    app.add_middleware(
        SessionMiddleware,
        secret_key=secrets.token_urlsafe(32),
        session_cookie="wellwise_on_its_way",
        max_age=_WAY_S,
        same_site="lax",
    )
    app.include_router(single_sign_on)


def role_of(claims: Mapping[str, Any], settings: Settings) -> Role | None:
    """The highest role that a person's claims give; None: the person may not come in."""
    given = claims.get(settings.oidc_role_claim, [])
    groups = {given} if isinstance(given, str) else set(map(str, given))
    return max(
        (Role[role.upper()] for group, role in settings.roles_by_group if group in groups),
        default=None,
    )


@single_sign_on.get("/login/provider")
async def to_provider(request: Request) -> Response:
    """Lead to the provider."""
    back = f"{str(request.base_url).rstrip('/')}{prefix_of(request)}/login/provider/back"
    try:
        answer: Response = await request.app.state.provider.authorize_redirect(request, back)
    except (httpx.HTTPError, AuthlibBaseError, ValueError) as error:
        raise Refused(503, f"the identity provider does not answer as expected: {error}") from error
    return answer


@single_sign_on.get("/login/provider/back")
async def from_provider(request: Request) -> Response:
    """Begin the session of somebody whom the provider knows."""
    backend = backend_of(request)
    settings = backend.settings
    try:
        token = await request.app.state.provider.authorize_access_token(request)
        claims = token["userinfo"]
    except (AuthlibBaseError, JoseError, KeyError) as error:
        backend.access.note_refusal(address_of(request), f"identity provider: {error!r}")
        said = gettext("The identity provider did not confirm who you are.")
        return login_page(request, message=said, status=401)
    except (httpx.HTTPError, ValueError) as error:
        raise Refused(503, f"the identity provider does not answer as expected: {error}") from error
    finally:
        request.session.clear()
    person = next((str(claims[name]) for name in _PERSON if claims.get(name)), "")
    role = role_of(claims, settings)
    if not person or role is None:
        groups = ", ".join(group for group, _ in settings.roles_by_group)
        message = f"{person or 'nobody'} is in no group with a role here (expected one of {groups})"
        backend.access.note_refusal(address_of(request), message)
        return login_page(request, message=message, status=403)
    secret, _ = backend.access.create(person[:100], role, SESSION, settings.oidc_name)
    browser, _ = backend.access.sign_in(secret)
    return session_begun(request, browser)
