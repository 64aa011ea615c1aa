"""Settings: folders, database, limits and addresses, from the environment."""

import os
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment (`WELLWISE_HOME` ...); the command line may override them."""

    model_config = SettingsConfigDict(env_prefix="WELLWISE_", env_ignore_empty=True, frozen=True)

    home: Path = Field(
        Path(".wellwise"), description="folder for journal, images, logs, plots and virtual labs"
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL of the journal; an SQLite file in `home` if empty"
    )

    lease_s: float = Field(
        30.0, gt=0, description="seconds for which an owner holds a campaign without renewing"
    )

    lab: Path | None = Field(
        None, description="lab file: its robots take the place of those in campaign files"
    )
    workers: bool = Field(
        False, description="robots are reached through Prefect workers on their computers"
    )
    speed: float | None = Field(
        None,
        gt=0,
        description=(
            "lab time of virtual robots passes so many times faster than real; it jumps if absent"
        ),
    )

    notify: str = Field(
        "", description="addresses of Apprise, with spaces between them, that get notifications"
    )

    webhooks: str = Field(
        "", description="addresses (http, https), with spaces between them, that get every event"
    )
    webhook_secret: str = Field(
        "",
        repr=False,
        pattern=r"^(whsec_[A-Za-z0-9+/=]{24,})?$",
        description="whsec_ and a key of 24 to 64 bytes in base64, by which webhooks are signed",
    )

    oidc_issuer: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="address of an OpenID Connect provider by which people sign in beside tokens",
    )
    oidc_client_id: str = Field("wellwise", description="what the provider calls this service")
    oidc_client_secret: str = Field("", repr=False, description="the secret that it gave for it")
    oidc_scope: str = Field("openid profile email", description="what is asked of the provider")
    oidc_role_claim: str = Field("groups", description="the claim with a person's groups")
    oidc_roles: str = Field(
        "",
        description=(
            "GROUP=viewer, GROUP=operator or GROUP=admin, with spaces between them; who is in none "
            "of the groups is not let in"
        ),
    )

    time_zone: str = Field(
        "UTC", description="the lab's time zone, such as Europe/Berlin: its times of day are meant"
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(
                f"{name!r} is no time zone (expected a name such as Europe/Berlin or Asia/Tokyo)"
            )
        return name

    @model_validator(mode="after")
    def _roles_are_known(self) -> Self:
        for group, role in self.roles_by_group:
            if not group or role not in ("viewer", "operator", "admin"):
                raise ValueError(
                    f"oidc_roles has {group}={role} (expected GROUP=viewer, GROUP=operator or "
                    "GROUP=admin)"
                )
        if self.oidc_issuer and not self.roles_by_group:
            raise ValueError(
                "oidc_issuer is set but oidc_roles is not: nobody could come in (expected such as "
                "lab-admins=admin lab-members=operator)"
            )
        return self

    @property
    def roles_by_group(self) -> tuple[tuple[str, str], ...]:
        """Groups of the identity provider, each with the role that it gives."""
        pairs = (part.rpartition("=") for part in self.oidc_roles.split())
        return tuple((group, role) for group, _, role in pairs)

    @property
    def oidc_name(self) -> str:
        """What people are shown of the identity provider: its host; empty if there is none."""
        return urlsplit(self.oidc_issuer).hostname or ""

    def make_home(self) -> Path:
        """Make the home if it is not there, for its owner alone, and return it."""
        if not self.home.exists():
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(mode=0o700, exist_ok=True)
        return self.home

    @property
    def open_to_others(self) -> bool:
        """Whether other accounts of this computer may look into the home."""
        return os.name == "posix" and bool(self.home.stat().st_mode & 0o077)

    @property
    def zone(self) -> ZoneInfo:
        """The lab's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def journal_url(self) -> str:
        """The SQLAlchemy URL of the journal."""
        return self.database_url or f"sqlite:///{(self.home / 'journal.sqlite').absolute()}"

    def campaign_folder(self, campaign_id: str) -> Path:
        """Where the images, plots and exports of a campaign lie."""
        return self.home / "campaigns" / campaign_id
