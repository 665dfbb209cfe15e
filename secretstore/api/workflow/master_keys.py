# SPDX-License-Identifier: Apache-2.0
"""Rotation and migration, for administrators.

/workflow/v1/master-keys and /workflow/v1/project-keys
"""

from datetime import datetime
from typing import Any

from oslo_config import cfg
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies, common
from secretstore.api.workflow.times import time_text
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    MasterKeys,
    MasterKeyView,
    ProjectKeys,
    ProjectKeyView,
)

_STRATEGY = {'type': 'string', 'minLength': 1, 'maxLength': 255}
ROTATE = bodies.Schema(
    'Master key rotation',
    {
        'type': 'object',
        'properties': {'strategy': _STRATEGY},
        'additionalProperties': False,
    },
)
MIGRATE = bodies.Schema(
    'Master key migration',
    {
        'type': 'object',
        'properties': {'to': _STRATEGY},
        'required': ['to'],
        'additionalProperties': False,
    },
)
# What is told in one answer is true in no later one.
_HEADERS = [('Cache-Control', 'no-store')]


class MasterKeysController:
    """Answers for the master keys of the service."""

    def __init__(self, master_keys: MasterKeys, conf: cfg.ConfigOpts) -> None:
        self._master_keys = master_keys
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        found = self._master_keys.progress(context)
        return common.answer(
            200,
            {
                'default_strategy': found['default_strategy'],
                'master_keys': [_render(key) for key in found['master_keys']],
                'rewrapping': {
                    'to_do': found['to_rewrap'],
                    'done': found['rewrapped'],
                    'seconds': found['rate_seconds'],
                },
                'replaced_project_keys': {
                    'keys': found['replaced_project_keys'],
                    'secrets': found['secrets_to_rewrap'],
                },
                'named_keys': found['named_keys'],
            },
            _HEADERS,
        )

    def rotate(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        body = self._body(request, ROTATE)
        return _accepted(
            self._master_keys.rotate(context, body.get('strategy'))
        )

    def migrate(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        body = self._body(request, MIGRATE)
        return _accepted(self._master_keys.migrate(context, body['to']))

    def retire(
        self, context: RequestContext, request: webob.Request, key_id: str
    ) -> webob.Response:
        common.require_json_accepted(request)
        if not common.is_id(key_id):
            raise errors.NotFound('There is no such master key')
        return _accepted(self._master_keys.retire(context, key_id))

    def _body(
        self, request: webob.Request, schema: bodies.Schema
    ) -> dict[str, Any]:
        common.require_json_accepted(request)
        body: dict[str, Any] = bodies.read_json(request, self._max_body)
        schema.validate(body)
        return body


class ProjectKeysController:
    """Answers for the keys of projects."""

    def __init__(self, project_keys: ProjectKeys) -> None:
        self._project_keys = project_keys

    def rotate(
        self, context: RequestContext, request: webob.Request, project_id: str
    ) -> webob.Response:
        common.require_json_accepted(request)
        found = self._project_keys.rotate(
            context, common.project_id(project_id, 'No such project')
        )
        return common.answer(
            202, {'project_key': _project_key(found)}, _HEADERS
        )


def _project_key(key: ProjectKeyView) -> dict[str, Any]:
    return {
        'id': key['id'],
        'project_id': key['project_id'],
        'master_key_id': key['master_key_id'],
        'created': time_text(key['created']),
    }


def _accepted(key: MasterKeyView) -> webob.Response:
    return common.answer(202, {'master_key': _render(key)}, _HEADERS)


def _render(key: MasterKeyView) -> dict[str, Any]:
    return {
        'id': key['id'],
        'strategy': key['strategy'],
        'reference': key['reference'],
        'state': key['state'],
        'project_keys': key['project_keys'],
        'created': _text(key['created']),
        'retired': _text(key['retired']),
        'destroyed': _text(key['destroyed']),
    }


def _text(time: datetime | None) -> str | None:
    return None if time is None else time_text(time)
