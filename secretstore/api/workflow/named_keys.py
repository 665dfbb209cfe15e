# SPDX-License-Identifier: Apache-2.0
"""Keys by name: PUT gives the key and makes it when there is none."""

import re
from typing import Any

from oslo_config import cfg
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies
from secretstore.api.keymanager.common import (
    answer,
    no_content,
    require_json_accepted,
    time_text,
)
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    BackupKeys,
    NamedKeyView,
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
        self._max_body: int = conf.max_allowed_request_size_in_bytes

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
        self._max_body: int = conf.max_allowed_request_size_in_bytes

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
            'algorithm': view['algorithm'],
            'mode': view['mode'],
            'bit_length': view['bit_length'],
            'created': time_text(view['created']) + 'Z',
        },
        _HEADERS,
    )


def _backup(view: NamedKeyView) -> dict[str, Any]:
    return {'backup_id': view['object_id'], 'backup_name': view['title']}


def _replication_user(view: NamedKeyView) -> dict[str, Any]:
    return {'instance_id': view['object_id']}
