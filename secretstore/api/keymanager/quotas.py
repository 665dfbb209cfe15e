# SPDX-License-Identifier: Apache-2.0
"""/v1/quotas and /v1/project-quotas: how much projects may have."""

from typing import Any

from oslo_config import cfg
import webob

from secretstore.api.errors import IssueSeen
from secretstore.api.keymanager import bodies, common, listing
from secretstore.context import RequestContext
from secretstore.rpc.interface import QuotaLimits, Quotas

# What every database keeps.
_NUMBER = {'type': 'integer', 'minimum': -(2**31), 'maximum': 2**31 - 1}
PROJECT_QUOTAS = bodies.Schema(
    'Project Quota',
    {
        'type': 'object',
        'properties': {
            'project_quotas': {
                'type': 'object',
                'properties': {
                    'secrets': _NUMBER,
                    'orders': _NUMBER,
                    'containers': _NUMBER,
                    'consumers': _NUMBER,
                    'cas': _NUMBER,
                },
                'additionalProperties': False,
            }
        },
        'required': ['project_quotas'],
        'additionalProperties': False,
    },
)


class QuotasController:
    """Answers for the quotas of the caller's project and of all."""

    def __init__(self, quotas: Quotas, conf: cfg.ConfigOpts) -> None:
        self._quotas = quotas
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def effective(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        return common.answer(200, {'quotas': self._quotas.effective(context)})

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        query = listing.parse_page(parameters, self._conf)
        page = self._quotas.page(context, query)
        base = common.base_url(request, self._conf)
        return common.answer(
            200,
            {
                'project_quotas': [
                    {
                        'project_id': project.project_id,
                        'project_quotas': project.limits,
                    }
                    for project in page.items
                ],
                **listing.links(
                    f'{base}/project-quotas', parameters, query, page
                ),
                'total': page.total,
            },
        )

    def show(
        self, context: RequestContext, request: webob.Request, project_id: str
    ) -> webob.Response:
        common.require_json_accepted(request)
        limits = self._quotas.get(context, _project(project_id))
        return common.answer(200, {'project_quotas': limits})

    def put(
        self, context: RequestContext, request: webob.Request, project_id: str
    ) -> webob.Response:
        common.require_json_accepted(request)
        project = _project(project_id)
        bodies.require_content_type(request, ['application/json'])
        body = bodies.read(request, self._max_body)
        if body == b'':
            raise IssueSeen(400, 'No data supplied to process.')
        data = bodies.parse_json(body)
        PROJECT_QUOTAS.validate(data)
        self._quotas.put(context, project, _limits(data['project_quotas']))
        return common.no_content()

    def delete(
        self, context: RequestContext, request: webob.Request, project_id: str
    ) -> webob.Response:
        self._quotas.delete(context, _project(project_id))
        return common.no_content()


def _project(segment: str) -> str:
    return common.project_id(segment, 'Project quotas not found.')


def _limits(given: dict[str, Any]) -> QuotaLimits:
    def limit(name: str) -> int | None:
        # JSON has one kind of number: 5.0 is an integer.
        return int(given[name]) if name in given else None

    return {
        'secrets': limit('secrets'),
        'orders': limit('orders'),
        'containers': limit('containers'),
        'consumers': limit('consumers'),
        'cas': limit('cas'),
    }
