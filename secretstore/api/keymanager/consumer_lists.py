# SPDX-License-Identifier: Apache-2.0
"""/v1/secrets/{id}/consumers and /v1/containers/{id}/consumers."""

from collections.abc import Callable
import dataclasses
from typing import Any, Generic, Protocol, TypeVar

from oslo_config import cfg
import webob

from secretstore.api.keymanager import (
    bodies,
    common,
    consumers,
    containers,
    listing,
    secrets,
)
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    ContainerConsumerView,
    ContainerView,
    NewContainerConsumer,
    NewSecretConsumer,
    Page,
    PageQuery,
    SecretConsumerView,
    SecretView,
)

Fields = dict[str, str]
New = TypeVar('New')
One = TypeVar('One', bound=SecretConsumerView | ContainerConsumerView)
All = TypeVar('All', bound=SecretView | ContainerView)
_New = TypeVar('_New', contravariant=True)
_One = TypeVar('_One', bound=SecretConsumerView | ContainerConsumerView)
_All = TypeVar('_All', bound=SecretView | ContainerView, covariant=True)


class Consumers(Protocol[_New, _One, _All]):
    """The conductor's consumers of one kind of parent."""

    def add(
        self, context: RequestContext, parent_id: str, consumer: _New, /
    ) -> _All: ...

    def remove(
        self, context: RequestContext, parent_id: str, consumer: _New, /
    ) -> _All: ...

    def get(
        self, context: RequestContext, parent_id: str, consumer_id: str, /
    ) -> _One: ...

    def page(
        self, context: RequestContext, parent_id: str, query: PageQuery, /
    ) -> Page[_One]: ...


@dataclasses.dataclass(frozen=True)
class Kind(Generic[New, One, All]):
    """How the API speaks of the consumers of one kind of parent.

    *fields* are what it takes to name a consumer, each with the number of
    characters it may have.
    """

    parent: str
    schema: str
    fields: dict[str, int]
    read: Callable[[Fields], New]
    render: Callable[[Any], Fields]
    render_parent: Callable[[All, str], dict[str, Any]]


class ConsumersController(Generic[New, One, All]):
    """Answers for the consumers of secrets, or of containers."""

    def __init__(
        self,
        conductor: Consumers[New, One, All],
        kind: Kind[New, One, All],
        conf: cfg.ConfigOpts,
    ) -> None:
        self._consumers = conductor
        self._kind = kind
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes
        self._schema = bodies.Schema(
            kind.schema,
            {
                'type': 'object',
                'properties': {
                    name: {'type': 'string', 'minLength': 1, 'maxLength': most}
                    for name, most in kind.fields.items()
                },
                'required': list(kind.fields),
            },
        )

    def index(
        self, context: RequestContext, request: webob.Request, parent_id: str
    ) -> webob.Response:
        common.canonical_id(parent_id, self._kind.parent)
        common.require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        query = listing.parse_page(parameters, self._conf)
        page = self._consumers.page(context, parent_id, query)
        last = page.items[-1]['id'] if page.items else None
        url = self._url(request, parent_id)
        return common.answer(
            200,
            {
                'consumers': [self._render(view) for view in page.items],
                **listing.links(url, {}, query, page, last),
                'total': page.total,
            },
        )

    def show(
        self,
        context: RequestContext,
        request: webob.Request,
        parent_id: str,
        consumer_id: str,
    ) -> webob.Response:
        common.canonical_id(parent_id, self._kind.parent)
        common.canonical_id(consumer_id, 'consumer')
        common.require_json_accepted(request)
        view = self._consumers.get(context, parent_id, consumer_id)
        return common.answer(200, self._render(view))

    def add(
        self, context: RequestContext, request: webob.Request, parent_id: str
    ) -> webob.Response:
        fields = self._read(request, parent_id)
        view = self._consumers.add(context, parent_id, self._kind.read(fields))
        consumer_id = next(
            one['id']
            for one in view['consumers'] or ()
            if self._kind.render(one) == fields
        )
        location = f'{self._url(request, parent_id)}/{consumer_id}'
        return self._answer(request, view, [('Location', location)])

    def remove(
        self, context: RequestContext, request: webob.Request, parent_id: str
    ) -> webob.Response:
        fields = self._read(request, parent_id)
        view = self._consumers.remove(
            context, parent_id, self._kind.read(fields)
        )
        return self._answer(request, view, [])

    def _read(self, request: webob.Request, parent_id: str) -> Fields:
        common.canonical_id(parent_id, self._kind.parent)
        common.require_json_accepted(request)
        data = bodies.stripped(bodies.read_json(request, self._max_body))
        self._schema.validate(data)
        fields = {name: data[name] for name in self._kind.fields}
        for name, text in fields.items():
            self._schema.check_text(name, text)
        return fields

    def _answer(
        self,
        request: webob.Request,
        view: All,
        headers: list[tuple[str, str]],
    ) -> webob.Response:
        base = common.base_url(request, self._conf)
        return common.answer(
            200, self._kind.render_parent(view, base), headers
        )

    def _url(self, request: webob.Request, parent_id: str) -> str:
        base = common.base_url(request, self._conf)
        return f'{base}/{self._kind.parent}s/{parent_id}/consumers'

    def _render(self, view: One) -> Fields:
        return {
            'created': common.time_text(view['created']),
            'updated': common.time_text(view['updated']),
            'status': 'ACTIVE',
            **self._kind.render(view),
        }


def _of_secret(fields: Fields) -> NewSecretConsumer:
    return {
        'service': fields['service'],
        'resource_type': fields['resource_type'],
        'resource_id': fields['resource_id'],
    }


def _of_container(fields: Fields) -> NewContainerConsumer:
    return {'name': fields['name'], 'url': fields['URL']}


OF_SECRETS: Kind[NewSecretConsumer, SecretConsumerView, SecretView] = Kind(
    parent='secret',
    schema='Secret Consumer',
    fields={'service': 255, 'resource_type': 255, 'resource_id': 255},
    read=_of_secret,
    render=consumers.of_secret,
    render_parent=secrets.render,
)
OF_CONTAINERS: Kind[
    NewContainerConsumer, ContainerConsumerView, ContainerView
] = Kind(
    parent='container',
    schema='Consumer',
    fields={'name': 36, 'URL': 255},
    read=_of_container,
    render=consumers.of_container,
    render_parent=containers.render,
)
