# SPDX-License-Identifier: Apache-2.0
"""Which rows a list shows."""

from collections.abc import Callable, Mapping
import dataclasses
import datetime
import operator
from typing import Any, Literal

import sqlalchemy as sa

from secretstore.db import models

Op = Literal['gt', 'gte', 'lt', 'lte', 'eq']
TimeFilters = tuple[tuple[Op, datetime.datetime], ...]
Parameters = dict[str, Any]
# (parameter, column, operator) of each filter that is set.
Asked = tuple[tuple[str, str, str], ...]

_OPERATORS: dict[str, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    'gt': operator.gt,
    'gte': operator.ge,
    'lt': operator.lt,
    'lte': operator.le,
    'eq': operator.eq,
    # To the case, and without wildcards, on every database.
    'contains': lambda column, text: (
        sa.func.replace(column, text, '') != column
    ),
}
_INTEGERS = range(2**31)

_secrets = models.table(models.Secret)

NOW = sa.bindparam('now', type_=models.Time)
# Spelled so that no database is tempted to take the index on expiration
# and then to sort.
NOT_EXPIRED = (
    sa.func.coalesce(
        _secrets.c.expiration,
        sa.literal(datetime.datetime(9999, 12, 31), models.Time),
    )
    > NOW
)


Conditions = tuple[Asked, Mapping[str, Any]]
NO_CONDITIONS: Conditions = ((), {})


@dataclasses.dataclass(frozen=True)
class Filters:
    """What a secret must be like; None and () ask for nothing.

    Texts match as they are, to the letter and the case.
    """

    name: str | None = None
    algorithm: str | None = None
    mode: str | None = None
    bit_length: int | None = None
    secret_type: str | None = None
    created: TimeFilters = ()
    updated: TimeFilters = ()
    expiration: TimeFilters = ()

    def conditions(self) -> Conditions:
        return conditions(
            {
                'name': self.name,
                'algorithm': self.algorithm,
                'mode': self.mode,
                'bit_length': self.bit_length,
                'secret_type': self.secret_type,
            },
            {
                'created_at': self.created,
                'updated_at': self.updated,
                'expiration': self.expiration,
            },
        )


def conditions(
    equal: Mapping[str, str | int | None],
    times: Mapping[str, TimeFilters] | None = None,
) -> Conditions:
    """What distinguishes the statement, and its parameters.

    :param equal: wanted values by column; None asks for nothing
    :param times: bounds by column
    """
    asked: list[tuple[str, str, str]] = []
    values: Parameters = {}
    for column, value in equal.items():
        if value is not None:
            asked.append((column, column, 'eq'))
            values[column] = value
            if isinstance(value, int) and value not in _INTEGERS:
                # No row has it, and not every database takes the number.
                values[column] = -1
    for column, bounds in (times or {}).items():
        for number, (op, time) in enumerate(bounds):
            asked.append((f'{column}_{number}', column, op))
            values[f'{column}_{number}'] = time
    return tuple(asked), values


def where(table: sa.Table, asked: Asked) -> list[sa.ColumnElement[bool]]:
    """The conditions of a statement on *table*."""
    found = []
    for name, column_name, op in asked:
        column = table.c[column_name]
        value = sa.bindparam(name, type_=column.type)
        found.append(_OPERATORS[op](column, value))
    return found
