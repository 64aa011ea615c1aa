"""Intermediate measurements, in addition to the objective."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measurement",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("campaign_id", sa.String(), sa.ForeignKey("campaign.id"), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("plate", sa.Integer(), nullable=False),
        sa.Column("well", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("reading_id", sa.Integer(), sa.ForeignKey("reading.id"), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("scorer", sa.String(), nullable=False),
        sa.Column("scorer_version", sa.String(), nullable=False),
    )
    op.create_index("measurement_of_round", "measurement", ["campaign_id", "round"])


def downgrade() -> None:
    op.drop_table("measurement")
