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
    time_text,
)
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


class BackupKeysController:
    """Answers for /workflow/v1/backups/{backup_id}/encryption-key."""

    def __init__(self, keys: BackupKeys, conf: cfg.ConfigOpts) -> None:
        self._keys = keys
        self._lists = _Lists(conf, 'backups')
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        asked = self._lists.asked(request)
        page = self._keys.page(context, asked.query)
        return self._lists.told(asked, page, _backup)

    def put(
        self, context: RequestContext, request: webob.Request, backup_id: str
    ) -> webob.Response:
        require_json_accepted(request)
        _checked(backup_id, 'backup_id')
        data = _read(request, self._max_body, NEW_BACKUP_KEY)
        name = data.get('backup_name', '')
        NEW_BACKUP_KEY.check_text('backup_name', name)
        view = self._keys.get_or_create(context, backup_id, name)
        return _told(view, _backup(view))

    def show(
        self, context: RequestContext, request: webob.Request, backup_id: str
    ) -> webob.Response:
        require_json_accepted(request)
        _checked(backup_id, 'backup_id')
        view = self._keys.get(context, backup_id)
        return _told(view, _backup(view))

    def delete(
        self, context: RequestContext, request: webob.Request, backup_id: str
    ) -> webob.Response:
        self._keys.delete(context, _checked(backup_id, 'backup_id'))
        return no_content()


class ReplicationUserKeysController:
    """Answers for /workflow/v1/replication-users/{instance_id}/key."""

    def __init__(
        self, keys: ReplicationUserKeys, conf: cfg.ConfigOpts
    ) -> None:
        self._keys = keys
        self._lists = _Lists(conf, 'replication-users')
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        asked = self._lists.asked(request)
        page = self._keys.page(context, asked.query)
        return self._lists.told(asked, page, _replication_user)

    def put(
        self, context: RequestContext, request: webob.Request, instance_id: str
    ) -> webob.Response:
        require_json_accepted(request)
        _checked(instance_id, 'instance_id')
        _read(request, self._max_body, NEW_REPLICATION_USER_KEY)
        view = self._keys.get_or_create(context, instance_id)
        return _told(view, _replication_user(view))

    def show(
        self, context: RequestContext, request: webob.Request, instance_id: str
    ) -> webob.Response:
        require_json_accepted(request)
        _checked(instance_id, 'instance_id')
        view = self._keys.get(context, instance_id)
        return _told(view, _replication_user(view))

    def delete(
        self, context: RequestContext, request: webob.Request, instance_id: str
    ) -> webob.Response:
        self._keys.delete(context, _checked(instance_id, 'instance_id'))
        return no_content()


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
        entries = [{**named(entry), **_kind(entry)} for entry in page.items]
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


def _told(view: NamedKeyView, named: dict[str, Any]) -> webob.Response:
    return answer(
        201 if view['is_new'] else 200,
        {
            **named,
            'key': view['key'],
            **_kind(view),
        },
        _HEADERS,
    )


def _kind(view: NamedKeyView | NamedKeyEntry) -> dict[str, Any]:
    return {
        'algorithm': view['algorithm'],
        'mode': view['mode'],
        'bit_length': view['bit_length'],
        'created': time_text(view['created']) + 'Z',
    }


def _backup(view: NamedKeyView | NamedKeyEntry) -> dict[str, Any]:
    return {'backup_id': view['object_id'], 'backup_name': view['title']}


def _replication_user(view: NamedKeyView | NamedKeyEntry) -> dict[str, Any]:
    return {'instance_id': view['object_id']}
