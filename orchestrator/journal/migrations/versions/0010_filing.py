"""Where a campaign is filed: its project, its tags, and whether it is in the archive."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign", sa.Column("project", sa.String(), nullable=False, server_default=""))
    op.add_column("campaign", sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column(
        "campaign", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("campaign", "archived")
    op.drop_column("campaign", "tags")
    op.drop_column("campaign", "project")
