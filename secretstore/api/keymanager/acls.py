# SPDX-License-Identifier: Apache-2.0
"""/v1/secrets/{id}/acl and /v1/containers/{id}/acl: who may read them."""

from typing import Any, Literal

from oslo_config import cfg
import webob

from secretstore.api.keymanager import bodies, common
from secretstore.context import RequestContext
from secretstore.rpc.interface import Acls, AclView, NewAcl

SCHEMA = bodies.Schema(
    'ACL',
    {
        'type': 'object',
        'properties': {
            'read': {
                'type': 'object',
                'properties': {
                    'users': {
                        'type': 'array',
                        'items': {'type': 'string', 'maxLength': 255},
                    },
                    'project-access': {'type': 'boolean'},
                },
                'additionalProperties': False,
            },
        },
        'additionalProperties': False,
    },
)


class AclsController:
    """Answers for the access lists of secrets, or of containers."""

    def __init__(
        self,
        acls: Acls,
        kind: Literal['secret', 'container'],
        conf: cfg.ConfigOpts,
    ) -> None:
        self._acls = acls
        self._kind = kind
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def show(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        common.canonical_id(object_id, self._kind)
        common.require_json_accepted(request)
        view = self._acls.get(context, object_id)
        return common.answer(200, {'read': _render(view)})

    def replace(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        acl = self._read(request, object_id)
        self._acls.replace(context, object_id, acl)
        return self._ref(request, object_id)

    def update(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        acl = self._read(request, object_id)
        self._acls.update(context, object_id, acl)
        return self._ref(request, object_id)

    def delete(
        self, context: RequestContext, request: webob.Request, object_id: str
    ) -> webob.Response:
        common.canonical_id(object_id, self._kind)
        common.require_json_accepted(request)
        self._acls.delete(context, object_id)
        # Clients take no other status for success.
        return common.answer(200, None)

    def _read(self, request: webob.Request, object_id: str) -> NewAcl:
        common.canonical_id(object_id, self._kind)
        common.require_json_accepted(request)
        return _parse(bodies.read_json(request, self._max_body))

    def _ref(self, request: webob.Request, object_id: str) -> webob.Response:
        base = common.base_url(request, self._conf)
        ref = f'{base}/{self._kind}s/{object_id}/acl'
        return common.answer(200, {'acl_ref': ref})


def _parse(data: Any) -> NewAcl:
    # Blanks around an id tell no two users apart, on some databases.
    data = bodies.stripped(data)
    SCHEMA.validate(data)
    read = data.get('read', {})
    users = read.get('users')
    if users is not None:
        for user in users:
            SCHEMA.check_text('read', user)
        users = list(dict.fromkeys(users))
    return {'users': users, 'project_access': read.get('project-access')}


def _render(view: AclView | None) -> dict[str, Any]:
    if view is None:
        return {'project-access': True}
    return {
        'project-access': view['project_access'],
        'users': view['users'],
        'created': common.time_text(view['created']),
        'updated': common.time_text(view['updated']),
    }
