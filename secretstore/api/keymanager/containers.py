# SPDX-License-Identifier: Apache-2.0
"""/v1/containers and /v1/containers/{id}: Barbican's contract."""

from typing import Any
import uuid

from oslo_config import cfg
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies, common, consumers, listing
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    Containers,
    ContainerSecret,
    ContainerView,
    NewContainer,
)

TYPES = ['generic', 'rsa', 'certificate']
_NO_ID = str(uuid.UUID(int=0))
_REF = {'type': 'string', 'minLength': 1}
CONTAINER = bodies.Schema(
    'Container',
    {
        'type': 'object',
        'properties': {
            'name': {'type': ['string', 'null'], 'maxLength': 255},
            'type': {'type': 'string', 'enum': TYPES},
            'secret_refs': {
                'type': 'array',
                'items': {
                    'type': 'object',
                    'required': ['secret_ref'],
                    'properties': {
                        'name': {'type': ['string', 'null'], 'maxLength': 255},
                        'secret_ref': _REF,
                    },
                },
            },
        },
        'required': ['type'],
    },
)
MEMBER = bodies.Schema(
    'ContainerSecret',
    {
        'type': 'object',
        'properties': {
            'name': {'type': 'string', 'maxLength': 255},
            'secret_ref': _REF,
        },
        'required': ['secret_ref'],
    },
)
# Names that a container of a type must have, those that it may have, and
# what is answered to others and without.
_NAMES: dict[str, tuple[set[str], set[str], str, str]] = {
    'rsa': (
        {'public_key', 'private_key'},
        {'private_key_passphrase'},
        "only 'private_key', 'public_key' and 'private_key_passphrase' "
        'reference names are allowed for RSA type',
        "The minimum required reference names are 'public_key' "
        "and'private_key' for RSA type",
    ),
    'certificate': (
        {'certificate'},
        {'private_key', 'private_key_passphrase', 'intermediates'},
        "only 'private_key', 'certificate' , 'private_key_passphrase',  or "
        "'intermediates' reference names are allowed for Certificate type",
        "The minimum required reference name is 'certificate' for "
        'Certificate type',
    ),
}


class ContainersController:
    """Answers for containers; each method is one line of the URL table."""

    def __init__(self, containers: Containers, conf: cfg.ConfigOpts) -> None:
        self._containers = containers
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def create(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        try:
            data = bodies.stripped(bodies.read_json(request, self._max_body))
            new = _parse(data, self._root(request))
        except errors.InvalidInput:
            # Who may not create one learns that first.
            self._containers.require_create(context)
            raise
        container_id = self._containers.create(context, new)
        return self._made(request, container_id)

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        part = listing.parse_page(parameters, self._conf)
        page = self._containers.page(
            context,
            {
                'name': parameters.get('name') or None,
                'type': parameters.get('type') or None,
                **part,
            },
        )
        base = common.base_url(request, self._conf)
        last = page.items[-1]['id'] if page.items else None
        url = f'{base}/containers'
        return common.answer(
            200,
            {
                'containers': [render(view, base) for view in page.items],
                **listing.links(url, parameters, part, page, last),
                'total': page.total,
            },
        )

    def show(
        self,
        context: RequestContext,
        request: webob.Request,
        container_id: str,
    ) -> webob.Response:
        common.canonical_id(container_id, 'container')
        common.require_json_accepted(request)
        view = self._containers.get(context, container_id)
        base = common.base_url(request, self._conf)
        return common.answer(200, render(view, base))

    def delete(
        self,
        context: RequestContext,
        request: webob.Request,
        container_id: str,
    ) -> webob.Response:
        common.canonical_id(container_id, 'container')
        self._containers.delete(context, container_id)
        return common.no_content()

    def add_secret(
        self,
        context: RequestContext,
        request: webob.Request,
        container_id: str,
    ) -> webob.Response:
        common.require_json_accepted(request)
        secret = self._member(request, container_id)
        self._containers.add_secret(context, container_id, secret)
        return self._made(request, container_id)

    def remove_secret(
        self,
        context: RequestContext,
        request: webob.Request,
        container_id: str,
    ) -> webob.Response:
        secret = self._member(request, container_id)
        self._containers.remove_secret(context, container_id, secret)
        return common.no_content()

    def _member(
        self, request: webob.Request, container_id: str
    ) -> ContainerSecret:
        common.canonical_id(container_id, 'container')
        data = bodies.stripped(bodies.read_json(request, self._max_body))
        MEMBER.validate(data)
        name = data.get('name')
        MEMBER.check_text('name', name or '')
        return ContainerSecret(_id(_last(data['secret_ref'])), name)

    def _root(self, request: webob.Request) -> str:
        """What references to this service begin with, behind the scheme."""
        base = common.base_url(request, self._conf)
        return common.without_scheme(base).removesuffix('v1')

    def _made(
        self, request: webob.Request, container_id: str
    ) -> webob.Response:
        base = common.base_url(request, self._conf)
        ref = f'{base}/containers/{container_id}'
        return common.answer(201, {'container_ref': ref}, [('Location', ref)])


def render(view: ContainerView, base: str) -> dict[str, Any]:
    """A container as the API tells of it."""
    return {
        'created': common.time_text(view['created']),
        'updated': common.time_text(view['updated']),
        'status': 'ACTIVE',
        'name': view['name'],
        'type': view['type'],
        'creator_id': view['creator_id'],
        'secret_refs': [
            {
                'name': member.name,
                'secret_ref': f'{base}/secrets/{member.secret_id}',
            }
            for member in view['secrets']
        ],
        'consumers': [
            consumers.of_container(consumer) for consumer in view['consumers']
        ],
        'container_ref': f'{base}/containers/{view["id"]}',
    }


def _parse(data: Any, root: str) -> NewContainer:
    """What the body asks for.

    :param root: what references to secrets must begin with, behind a scheme
    :raises InvalidInput: when anything in it is wrong
    """
    CONTAINER.validate(data)
    refs = data.get('secret_refs') or []
    names = {ref.get('name', '') for ref in refs}
    if len(names) < len(refs):
        raise _refusal('Duplicate reference names are not allowed')
    ids = [_last(ref['secret_ref']) for ref in refs]
    if len(set(ids)) < len(ids):
        raise _refusal('Duplicate secret ids are not allowed')
    if not all(_is_below(root, ref['secret_ref']) for ref in refs):
        raise errors.InvalidInput('Provided field value is not supported')
    if refs:
        _check_names(data['type'], names)
    for name in (data.get('name'), *names):
        CONTAINER.check_text('name', name or '')
    return {
        'name': data.get('name'),
        'type': data['type'],
        'secrets': [
            ContainerSecret(_id(text), ref.get('name'))
            for text, ref in zip(ids, refs, strict=True)
        ],
    }


def _is_below(root: str, ref: str) -> bool:
    # Which of the two a proxy is asked with does not matter.
    return ref.startswith((f'http://{root}', f'https://{root}'))


def _check_names(kind: str, names: set[str]) -> None:
    if kind not in _NAMES:
        return
    required, optional, others, missing = _NAMES[kind]
    if names - required - optional:
        raise _refusal(others)
    if required - names:
        raise _refusal(missing)


def _refusal(reason: str) -> errors.InvalidObject:
    return CONTAINER.invalid(reason, 'secret_refs')


def _last(ref: str) -> str:
    """The last part of a reference, where the id is."""
    return ref.removesuffix('/').rpartition('/')[2]


def _id(text: str) -> str:
    """The same, or what no secret has for an id and any database takes."""
    return text if common.is_id(text) else _NO_ID
