# SPDX-License-Identifier: Apache-2.0
"""Lists: the query string and the links between pages."""

from datetime import datetime
import sys
from typing import Any
import urllib.parse
import uuid

from oslo_config import cfg
from oslo_utils import timeutils

from secretstore import errors
from secretstore.rpc.interface import (
    Page,
    PageQuery,
    SecretQuery,
    TimeFilter,
    TimeOperator,
)

SORT_KEYS = frozenset(
    [
        'algorithm',
        'bit_length',
        'created',
        'expiration',
        'mode',
        'name',
        'secret_type',
        'status',
        'updated',
    ]
)
_OPERATORS: tuple[TimeOperator, ...] = ('gte', 'gt', 'lte', 'lt')
# Two bounds on the same side, or an exact time beside an inclusive bound,
# contradict each other.
_EXCLUDES: dict[TimeOperator, set[TimeOperator]] = {
    'gt': {'gt', 'gte'},
    'gte': {'gt', 'gte', 'eq'},
    'lt': {'lt', 'lte'},
    'lte': {'lt', 'lte', 'eq'},
    'eq': {'eq', 'gte', 'lte'},
}

Parameters = dict[str, str]


def bad_query() -> errors.InvalidInput:
    """What is answered to any query string that makes no sense."""
    return errors.InvalidInput('URI provided invalid query string parameters.')


def parse_parameters(query_string: str) -> Parameters:
    """The parameters of a query string; of a repeated one the last."""
    try:
        pairs = urllib.parse.parse_qsl(
            # WSGI hands bytes over as if they were latin-1.
            query_string.encode('latin-1').decode('utf-8'),
            keep_blank_values=True,
            errors='strict',
        )
    except ValueError as error:
        raise bad_query() from error
    if any('\0' in value for _, value in pairs):
        raise bad_query()
    return dict(pairs)


def parse_query(parameters: Parameters, conf: cfg.ConfigOpts) -> SecretQuery:
    """Which secrets the caller wants; unknown parameters do not matter.

    Numbers that make no sense mean the default, as they do to Barbican.

    :raises InvalidInput: for a time filter or a sort that makes no sense
    """
    return {
        'name': parameters.get('name') or None,
        'algorithm': parameters.get('alg') or None,
        'mode': parameters.get('mode') or None,
        'bit_length': _bits(parameters.get('bits')),
        'secret_type': parameters.get('secret_type') or None,
        'created': _time_filter(parameters.get('created')),
        'updated': _time_filter(parameters.get('updated')),
        'expiration': _time_filter(parameters.get('expiration')),
        'sort': _sort(parameters.get('sort')),
        **parse_page(parameters, conf),
        'acl_only': parameters.get('acl_only', '').lower() == 'true',
    }


def parse_page(parameters: Parameters, conf: cfg.ConfigOpts) -> PageQuery:
    """Which part of a list the caller wants."""
    return {
        'limit': _limit(parameters.get('limit'), conf),
        'offset': _offset(parameters.get('offset')),
        'marker': _marker(parameters),
    }


def links(
    url: str,
    parameters: Parameters,
    query: PageQuery,
    page: Page[Any],
    marker: str | None = None,
) -> dict[str, str]:
    """``previous`` and ``next``, where there is such a page.

    :param url: of the list, without a query string
    :param marker: the id of this page's last entry.  The next link carries
        it, and with it the database finds the page at once, however deep it
        lies.  None where the order is not that of creation.
    """
    if not page.items:
        return {}
    limit, offset = query['limit'], query['offset']
    rest = {
        key: value
        for key, value in parameters.items()
        if key not in ('limit', 'offset', 'marker')
    }

    def link(start: int, **more: str) -> str:
        text = urllib.parse.urlencode(
            {'limit': limit, 'offset': start, **rest, **more}
        )
        return f'{url}?{text}'

    result = {}
    if offset > 0:
        result['previous'] = link(max(0, offset - limit))
    if page.total > offset + limit:
        more = {} if marker is None else {'marker': marker}
        result['next'] = link(offset + limit, **more)
    return result


def _bits(text: str | None) -> int | None:
    bits = _number(text)
    if bits is None or bits <= 0:
        return None
    # No secret has as many, and each database takes this as a number.
    return min(bits, 1 << 30)


def _limit(text: str | None, conf: cfg.ConfigOpts) -> int:
    limit = _number(text)
    if limit is None:
        limit = conf.default_limit_paging
    return int(min(max(limit, 1), conf.max_limit_paging))


def _offset(text: str | None) -> int:
    offset = _number(text)
    return offset if offset is not None and 0 < offset <= sys.maxsize else 0


def _number(text: str | None) -> int | None:
    try:
        return int(text or '')
    except ValueError:
        return None


def _marker(parameters: Parameters) -> str | None:
    # openstacksdk takes the whole reference for the id.
    text = parameters.get('marker', '').rpartition('/')[2]
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _time_filter(text: str | None) -> TimeFilter:
    if not text:
        return []
    conditions: list[tuple[TimeOperator, datetime]] = []
    for part in text.split(','):
        operator, value = _split_operator(part)
        if _EXCLUDES[operator] & {known for known, _ in conditions}:
            raise bad_query()
        try:
            at = timeutils.normalize_time(timeutils.parse_isotime(value))
        except (ValueError, OverflowError) as error:
            raise bad_query() from error
        conditions.append((operator, at))
    return conditions


def _split_operator(part: str) -> tuple[TimeOperator, str]:
    for operator in _OPERATORS:
        if part.startswith(operator + ':'):
            return operator, part[len(operator) + 1 :]
    return 'eq', part


def _sort(text: str | None) -> list[tuple[str, bool]]:
    if not text:
        return []
    fields: dict[str, bool] = {}
    for part in text.split(','):
        key, _, direction = part.partition(':')
        valid = direction in ('asc', 'desc') or part == key
        if not valid or key not in SORT_KEYS or key in fields:
            raise bad_query()
        fields[key] = direction == 'desc'
    return list(fields.items())
