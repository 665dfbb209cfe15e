# SPDX-License-Identifier: Apache-2.0
"""Which secrets of a project a list shows."""

from collections.abc import Callable
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
}
_EQUAL = ('name', 'algorithm', 'mode', 'bit_length', 'secret_type')
_TIMES = (
    ('created', 'created_at'),
    ('updated', 'updated_at'),
    ('expiration', 'expiration'),
)

_secrets = models.table(models.Secret)

NOW = sa.bindparam('now', type_=models.Time)
PROJECT = _secrets.c.project_id == sa.bindparam('project_id')
# Spelled so that no database is tempted to take the index on expiration
# and then to sort.
_NOT_EXPIRED = (
    sa.func.coalesce(
        _secrets.c.expiration,
        sa.literal(datetime.datetime(9999, 12, 31), models.Time),
    )
    > NOW
)


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


def conditions(
    filters: Filters,
) -> tuple[Asked, Parameters]:
    """What distinguishes the statement, and its parameters."""
    asked: list[tuple[str, str, str]] = []
    values: Parameters = {}
    for column in _EQUAL:
        if (value := getattr(filters, column)) is not None:
            asked.append((column, column, 'eq'))
            values[column] = value
    if values.get('bit_length', 0) not in range(2**31):
        # No secret has it, and not every database takes the number.
        values['bit_length'] = -1
    for name, column in _TIMES:
        for number, (op, time) in enumerate(getattr(filters, name)):
            asked.append((f'{name}_{number}', column, op))
            values[f'{name}_{number}'] = time
    return tuple(asked), values


def where(
    filters: Asked,
) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [PROJECT, _NOT_EXPIRED]
    for name, column_name, op in filters:
        column = _secrets.c[column_name]
        value = sa.bindparam(name, type_=column.type)
        conditions.append(_OPERATORS[op](column, value))
    return conditions
