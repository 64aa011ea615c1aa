"""Which journal this is, and how often it was brought back."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    journal = op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("unsettled", sa.String(), nullable=False),
    )
    op.bulk_insert(
        journal, [{"id": 1, "identity": uuid.uuid4().hex[:12], "life": 1, "unsettled": ""}]
    )


def downgrade() -> None:
    op.drop_table("journal")
