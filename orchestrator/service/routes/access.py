"""Access over HTTP: who one is, tokens, and what was done to them."""

from datetime import timedelta

from fastapi import APIRouter

from orchestrator.journal.access_tokens import Role
from orchestrator.service.authentication import Admin, TheBackend, Viewer
from orchestrator.service.problems import ACTING, answers
from orchestrator.service.requests import TokenId
from orchestrator.service.schema import AuditEntry, NewToken, Person, TokenView, TokenWish

people = APIRouter(tags=["lab"])
tokens = APIRouter(prefix="/tokens", tags=["access"])


@people.get("/whoami", responses=answers(401, 503))
def whoami(who: Viewer) -> Person:
    """Who you are, and what you may do."""
    inside = {name: role.word for name, role in who.projects.items()}
    return Person(person=who.person, role=who.role.word, projects=inside)


@tokens.get("", responses=answers(401, 403, 503))
def list_tokens(backend: TheBackend, admin: Admin) -> list[TokenView]:
    """Every token, newest first; their secrets are not kept."""
    return [TokenView.model_validate(row.model_dump()) for row in backend.access.tokens()]


@tokens.post("", status_code=201, responses=ACTING)
def create_token(backend: TheBackend, who: Admin, body: TokenWish) -> NewToken:
    """Make a token; its secret is in this answer and nowhere else."""
    role, lifetime = Role[body.role.upper()], timedelta(days=body.days)
    inside = {name: Role[found.upper()] for name, found in body.projects.items()}
    secret, row = backend.access.create(body.person, role, lifetime, who.person, inside)
    return NewToken(**TokenView.model_validate(row.model_dump()).model_dump(), secret=secret)


@tokens.delete("/{token}", responses=ACTING, status_code=204)
def revoke_token(backend: TheBackend, who: Admin, token: TokenId) -> None:
    """Revoke a token, and end the browser sessions that began with it."""
    backend.access.revoke(token, who.person)


@people.get("/audit", responses=answers(401, 403, 503))
def audit(backend: TheBackend, admin: Admin) -> list[AuditEntry]:
    """What was done to tokens and by whom, newest first.

    What is done to campaigns is among their events.
    """
    return [AuditEntry.model_validate(row.model_dump()) for row in backend.access.audit()]
