# SPDX-License-Identifier: Apache-2.0
"""Run by alembic; secretstore.db.migration hands over the connection."""

from alembic import context

from secretstore.db import models

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=models.Base.metadata,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
