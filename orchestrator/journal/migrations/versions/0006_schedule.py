"""When a job is meant to begin."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("begin_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "job", sa.Column("placed", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("job", "placed")
    op.drop_column("job", "begin_at")
