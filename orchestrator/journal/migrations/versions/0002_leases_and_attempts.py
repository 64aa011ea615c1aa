"""Leases, and attempts of a job."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    # Added in place: SQLite's batch mode rebuilds the table, which the keys of readings do not
    # allow.
    op.add_column("job", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "job", sa.Column("cleared", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("job", "cleared")
    op.drop_column("job", "attempt")
    op.drop_table("lease")
