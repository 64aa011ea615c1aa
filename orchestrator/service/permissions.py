"""Permissions: what somebody may see and do, by their role in the project of a campaign.

A campaign that somebody may not see is to them one that there is not: in lists, and by its address.
"""

from orchestrator.control.act import Act, Acting
from orchestrator.control.filing import FileUnder
from orchestrator.journal.access_tokens import Identity, Role
from orchestrator.journal.campaign_list import Listed, ids_in, listed, project_of
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import no_campaign
from orchestrator.service.problems import Refused


def visible(journal: Journal, who: Identity) -> list[Listed]:
    """The campaigns that somebody may see, newest first."""
    return listed(journal, who.sees)


def visible_ids(journal: Journal, who: Identity) -> set[str]:
    """The same by their ids."""
    return ids_in(journal, who.sees)


def allowed(journal: Journal, who: Identity, campaign_id: str, needed: Role = Role.VIEWER) -> Role:
    """The role that somebody has in the project of a campaign.

    Raises:
        Missing: there is no such campaign that they may see.
        Refused: they have another role there than is needed, or one that may do more.
    """
    role = who.role
    if role < max(needed, Role.OPERATOR) and who.projects:
        with journal.reading_session() as session:
            project = project_of(session, campaign_id)
        role = role if project is None else who.role_in(project)
    if role < Role.VIEWER:
        raise no_campaign(campaign_id, [campaign.id for campaign in visible(journal, who)])
    _refuse_less(who, role, needed)
    return role


def allowed_somewhere(who: Identity, needed: Role) -> Role:
    """The highest role that somebody has in the service or in a project.

    Raises:
        Refused: it is another one than is needed, or one that may do more.
    """
    role = who.role if needed is Role.ADMIN else who.highest
    _refuse_less(who, role, needed)
    return who.highest


def allowed_in_its_transaction(who: Identity, acting: Acting, act: Act) -> None:
    """The same for an act in its transaction: its campaign may have been moved meanwhile.

    To move a campaign somebody needs the role where it is and where it goes.

    Raises:
        Missing, Refused: as for `allowed`.
    """
    if who.role >= act.role:
        return
    project = project_of(acting.session, acting.campaign_id)
    role = who.role if project is None else who.role_in(project)
    if role < Role.VIEWER:
        raise no_campaign(acting.campaign_id, [])
    _refuse_less(who, role, act.role)
    if isinstance(act, FileUnder) and act.project != project:
        _refuse_elsewhere(who, act.project)


def project_to_launch_into(who: Identity, wish: str) -> str:
    """The project of a campaign that somebody launches; empty: none.

    Who has a role in a single project only launches into that one without saying so.

    Raises:
        Refused: they may launch nothing there, or have to say where.
    """
    if wish:
        _refuse_elsewhere(who, wish)
        return wish
    if who.role >= Role.OPERATOR:
        return ""
    mine = operated(who)
    if len(mine) != 1:
        raise Refused(403, f"say into which project it is launched (one of {', '.join(mine)})")
    return mine[0]


def operated(who: Identity) -> list[str]:
    """The projects in which somebody is an operator by a role of that project."""
    return sorted(name for name, role in who.projects.items() if role >= Role.OPERATOR)


def _refuse_elsewhere(who: Identity, project: str) -> None:
    if who.role_in(project) < Role.OPERATOR:
        where = f"in project {project}" if project else "in the whole service"
        raise Refused(403, f"this needs the role {Role.OPERATOR.word} {where}")


def _refuse_less(who: Identity, role: Role, needed: Role) -> None:
    if role < needed:
        raise Refused(403, f"this needs the role {needed.word}: {who.person} has {role.word}")
