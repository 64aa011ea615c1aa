"""Leases on robots as well as on campaigns; robots that do not answer; retried conditions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody holds a lease while the tables are changed: what is in the old table may go.
    op.drop_table("lease")
    op.create_table(
        "lease",
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("resource"),
    )
    op.create_table(
        "outage",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("robot", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wait_s", sa.Float(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "robot"),
    )
    open_job = sa.text("state NOT IN ('done', 'failed', 'dropped')")
    op.create_index(
        "open_job",
        "job",
        ["campaign_id", "round", "plate", "position"],
        sqlite_where=open_job,
        postgresql_where=open_job,
    )
    op.add_column(
        "well", sa.Column("requeued", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("well", "requeued")
    op.drop_index("open_job", "job")
    op.drop_table("outage")
    op.drop_table("lease")
    op.create_table(
        "lease",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
