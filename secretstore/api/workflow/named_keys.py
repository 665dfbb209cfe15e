# SPDX-License-Identifier: Apache-2.0
"""Keys by name: PUT gives the key and makes it when there is none.

Lists tell what has a key, and never the key.
"""

from collections.abc import Callable
import re
from typing import Any, NamedTuple

from oslo_config import cfg
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies, listing
from secretstore.api.keymanager.common import (
    answer,
    base_url,
    no_content,
    require_json_accepted,
)
from secretstore.api.workflow.times import time_text
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    BackupKeys,
    NamedKeyEntry,
    NamedKeyView,
    Page,
    PageQuery,
    ReplicationUserKeys,
)

NEW_BACKUP_KEY = bodies.Schema(
    'Backup encryption key',
    {
        'type': 'object',
        'properties': {'backup_name': {'type': 'string', 'maxLength': 255}},
        'additionalProperties': False,
    },
)
NEW_REPLICATION_USER_KEY = bodies.Schema(
    'Replication user key',
    {'type': 'object', 'properties': {}, 'additionalProperties': False},
)
# Answers hold keys, and X-Auth-Token means nothing to a shared cache.
_HEADERS = [('Cache-Control', 'no-store')]
# What is never encoded in a URL, so that an id is written in one way only.
_ID = re.compile('[0-9A-Za-z._~-]{1,255}')


class _Kind(NamedTuple):
    """What there is a key of.

    :ivar name: of the list, as its URL has it
    :ivar id_name: what the id in a URL is called
    :ivar named: what an answer begins with
    :ivar make: gives the key, whose id and body are given
    """

    name: str
    id_name: str
    new_key: bodies.Schema
    named: Callable[[NamedKeyView | NamedKeyEntry], dict[str, Any]]
    make: Callable[[RequestContext, str, dict[str, Any]], NamedKeyView]


class NamedKeysController:
    """Answers for the keys of one kind, and for the list of what has one."""

    def __init__(
        self,
        kind: _Kind,
        keys: BackupKeys | ReplicationUserKeys,
        conf: cfg.ConfigOpts,
    ) -> None:
        self._kind = kind
        self._keys = keys
        self._lists = _Lists(conf, kind.name)
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        asked = self._lists.asked(request)
        page = self._keys.page(context, asked.query)
        return self._lists.told(asked, page, self._kind.named)

    def put(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        require_json_accepted(request)
        self._checked(object_id)
        data = _read(request, self._max_body, self._kind.new_key)
        return self._told(self._kind.make(context, object_id, data))

    def show(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        require_json_accepted(request)
        return self._told(self._keys.get(context, self._checked(object_id)))

    def delete(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        self._keys.delete(context, self._checked(object_id))
        return no_content()

    def _checked(self, object_id: str) -> str:
        return _checked(object_id, self._kind.id_name)

    def _told(self, view: NamedKeyView) -> webob.Response:
        return answer(
            201 if view['is_new'] else 200,
            {
                **self._kind.named(view),
                'key': view['key'],
                **_made(view),
            },
            _HEADERS,
        )


def backup_keys(keys: BackupKeys, conf: cfg.ConfigOpts) -> NamedKeysController:
    """Answers for /workflow/v1/backups/{backup_id}/encryption-key."""

    def make(
        context: RequestContext, backup_id: str, data: dict[str, Any]
    ) -> NamedKeyView:
        name = data.get('backup_name', '')
        NEW_BACKUP_KEY.check_text('backup_name', name)
        return keys.get_or_create(context, backup_id, name)

    kind = _Kind('backups', 'backup_id', NEW_BACKUP_KEY, _backup, make)
    return NamedKeysController(kind, keys, conf)


def replication_user_keys(
    keys: ReplicationUserKeys, conf: cfg.ConfigOpts
) -> NamedKeysController:
    """Answers for /workflow/v1/replication-users/{instance_id}/key."""

    def make(
        context: RequestContext, instance_id: str, data: dict[str, Any]
    ) -> NamedKeyView:
        return keys.get_or_create(context, instance_id)

    kind = _Kind(
        'replication-users',
        'instance_id',
        NEW_REPLICATION_USER_KEY,
        _replication_user,
        make,
    )
    return NamedKeysController(kind, keys, conf)


class _Asked(NamedTuple):
    """What a list was asked for."""

    url: str
    parameters: listing.Parameters
    query: PageQuery


class _Lists:
    """The list below a path: its query string and its body."""

    def __init__(self, conf: cfg.ConfigOpts, name: str) -> None:
        self._conf = conf
        self._name = name

    def asked(self, request: webob.Request) -> _Asked:
        require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        query = listing.parse_page(parameters, self._conf)
        marker = parameters.get('marker')
        query['marker'] = _checked(marker, 'marker') if marker else None
        root = base_url(request, self._conf).removesuffix('/v1')
        url = f'{root}/workflow/v1/{self._name}'
        return _Asked(url, parameters, query)

    def told(
        self,
        asked: _Asked,
        page: Page[NamedKeyEntry],
        named: Callable[[NamedKeyEntry], dict[str, Any]],
    ) -> webob.Response:
        last = page.items[-1]['object_id'] if page.items else None
        entries = [{**named(entry), **_made(entry)} for entry in page.items]
        return answer(
            200,
            {
                self._name.replace('-', '_'): entries,
                **listing.links(
                    asked.url, asked.parameters, asked.query, page, last
                ),
                'total': page.total,
            },
        )


def _checked(segment: str, what: str) -> str:
    """An id from the URL; InvalidInput for what is not written as one."""
    if _ID.fullmatch(segment) is None:
        raise errors.InvalidInput(
            f'{what} must be 1 to 255 letters, digits, or any of ._~-'
        )
    return segment


def _read(
    request: webob.Request, limit: int, schema: bodies.Schema
) -> dict[str, Any]:
    """The object in the body, which may be missing."""
    body = bodies.read(request, limit)
    if body == b'':
        return {}
    bodies.require_content_type(request, ['application/json'])
    data: dict[str, Any] = bodies.parse_json(body)
    schema.validate(data)
    return data


def _made(view: NamedKeyView | NamedKeyEntry) -> dict[str, Any]:
    return {
        'algorithm': view['algorithm'],
        'mode': view['mode'],
        'bit_length': view['bit_length'],
        'created': time_text(view['created']),
    }


def _backup(view: NamedKeyView | NamedKeyEntry) -> dict[str, Any]:
    return {'backup_id': view['object_id'], 'backup_name': view['title']}


def _replication_user(view: NamedKeyView | NamedKeyEntry) -> dict[str, Any]:
    return {'instance_id': view['object_id']}
