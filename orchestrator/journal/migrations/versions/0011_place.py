"""Where a journal lies, what tells its lives from those of copies, and whose home had a robot."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, name in (("journal", "branch"), ("journal", "place"), ("lease", "home")):
        op.add_column(table, sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column(
        "lease", sa.Column("home_fence", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    for table, name in (
        ("lease", "home_fence"),
        ("lease", "home"),
        ("journal", "place"),
        ("journal", "branch"),
    ):
        op.drop_column(table, name)
