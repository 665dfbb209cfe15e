# SPDX-License-Identifier: Apache-2.0
"""Requests of all sorts to every route: right, nearly right, and nonsense."""

from collections.abc import Mapping, Sequence
import copy
import dataclasses
import json
from typing import Any
import urllib.parse

from hypothesis import strategies as st

from secretstore.api.routing import Route

# What is in the world a request is made in, by what comes before it in a path.
World = Mapping[str, Sequence[str]]

_REF = 'BASE/v1/secrets/SECRET'
KEY = {
    'name': 'n',
    'algorithm': 'aes',
    'bit_length': 256,
    'mode': 'cbc',
    'payload_content_type': 'application/octet-stream',
}
CONTAINER_CONSUMER = {'name': 'n', 'URL': 'http://example.org/'}
CONSUMER = {'service': 's', 'resource_type': 't', 'resource_id': 'i'}
# A body that is right, by method and end of path.
_RIGHT: dict[tuple[str, str], Any] = {
    ('POST', '/v1/secrets'): {
        'name': 'n',
        'payload': 'p',
        'payload_content_type': 'text/plain',
        'expiration': '2999-01-01',
        'bit_length': 8,
        'secret_type': 'opaque',
    },
    ('PUT', '/metadata'): {'metadata': {'k': 'v', 'l': 'w'}},
    ('POST', '/metadata'): {'key': 'm', 'value': 'v'},
    ('PUT', '/metadata/{key}'): {'key': 'k', 'value': 'v'},
    ('PUT', '/acl'): {'read': {'users': ['u'], 'project-access': False}},
    ('PATCH', '/acl'): {'read': {'users': ['u', 'v']}},
    ('POST', '/v1/containers'): {
        'name': 'n',
        'type': 'generic',
        'secret_refs': [{'name': 'a', 'secret_ref': _REF}],
    },
    ('POST', '/secrets'): {'name': 'c', 'secret_ref': _REF},
    ('DELETE', '/secrets'): {'name': 'b', 'secret_ref': _REF},
    ('POST', '/v1/orders'): {'type': 'key', 'meta': KEY},
    ('POST', '/v1/transport_keys'): {
        'plugin_name': 'p',
        'transport_key': 'AAEC',
    },
    ('PUT', '/v1/project-quotas/{project_id}'): {
        'project_quotas': {
            'secrets': -1,
            'orders': 100_000,
            'containers': -1,
            'consumers': -1,
            'cas': -1,
        }
    },
}
_WORDS = st.sampled_from(
    [
        *('', ' ', 'true', 'false', '\0', '\ud800', '\U0001f511', 'x' * 256),
        *('text/plain', 'application/octet-stream', 'base64', 'AAEC', '{}'),
        *('2999-01-01', '0001-01-01T00:00:00+14:00', '9999-12-31T23:59:59-14'),
        *('rsa', 'ec', 'dsa', 'hmacsha512', 'certificate', 'asymmetric'),
        _REF,
        'BASE/v1/secrets/',
        'BASE/v1/secrets/SECRET/',
        'http://other.example.org/v1/secrets/SECRET',
        'SECRET',
    ]
)
_NUMBERS = st.sampled_from([-(2**63), -1, 0, 1, 7, 2**31, 2**63, 10**400, 1.5])
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.floats() | st.text() | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | _WORDS, inner, max_size=3)
    ),
    max_leaves=6,
)
_QUERY = st.dictionaries(
    st.sampled_from(
        [
            *('limit', 'offset', 'marker', 'sort', 'name', 'alg', 'mode'),
            *('bits', 'secret_type', 'created', 'updated', 'expiration'),
            *('acl_only', 'force', 'type', 'transport_key_needed'),
            *('transport_key_id', 'trans_wrapped_session_key', 'other'),
        ]
    ),
    st.text()
    | _WORDS
    | st.sampled_from(['1', '-1', '0', '9' * 30, 'gte:2020-01-01', 'name:asc'])
    | st.integers().map(str),
    max_size=3,
)
_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        'Accept': st.sampled_from(
            [
                *('*/*', 'application/json', 'text/plain', 'a', ';', 'é'),
                *('application/octet-stream', 'application/json;q=0'),
            ]
        ),
        'OpenStack-API-Version': st.sampled_from(
            [
                *('key-manager 1.1', 'key-manager 1.2', 'key-manager latest'),
                *('key-manager 9.9', 'key-manager x', 'compute 2.1', ''),
            ]
        ),
        'Content-Encoding': st.sampled_from(['base64', 'gzip', '']),
    },
)
_CONTENT_TYPES = st.sampled_from(
    [
        *['application/json'] * 5,
        *('text/plain', 'application/octet-stream', '', 'a/b;'),
    ]
)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request to a route; *url* is path and query."""

    route: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def right(route: Route, world: World, base: str) -> Asked:
    """A request to the route that is right, about what there is."""
    method, path = route.method, route.path
    # The second secret has no payload yet; the second consumer is one of a
    # container.
    fills = (method, path) == ('PUT', '/v1/secrets/{id}')
    of_container = path.startswith('/v1/containers/')
    parts: list[str] = []
    for part in path.split('/'):
        if part.startswith('{'):
            kind = parts[-1]
            second = fills or (of_container and kind == 'consumers')
            part = world[kind][int(second)]
        parts.append(part)
    content_type, body = 'application/json', b''
    if fills:
        content_type, body = 'text/plain', b'payload'
    elif method != 'GET':
        body = _written(_right(route), world, base)
    headers = {'Content-Type': content_type}
    return Asked(path, method, '/'.join(parts), headers, body)


@st.composite
def requests(
    draw: st.DrawFn, routes: Sequence[Route], world: World, base: str
) -> Asked:
    """A request to one of the routes, with objects of the world."""
    route = draw(st.sampled_from(routes))
    method = route.method
    if draw(st.integers(0, 19)) == 0:
        method = draw(st.sampled_from(['GET', 'PUT', 'PATCH', 'POST', 'HEAD']))
    url = _path(draw, route.path, world)
    query = draw(_QUERY)
    if query and draw(st.booleans()):
        url += '?' + urllib.parse.urlencode(query, errors='surrogatepass')
    headers = dict(draw(_HEADERS))
    body = b''
    if method in ('POST', 'PUT', 'PATCH', 'DELETE'):
        body = _body(draw, route, world, base)
        headers['Content-Type'] = draw(_CONTENT_TYPES)
    return Asked(route.path, method, url, headers, body)


def _path(draw: st.DrawFn, path: str, world: World) -> str:
    parts: list[str] = []
    for part in path.split('/'):
        if not part.startswith('{'):
            parts.append(part)
            continue
        known = st.sampled_from(world.get(parts[-1]) or ['k'])
        odd = st.text(min_size=1) | _WORDS
        chosen = draw(odd if draw(st.integers(0, 9)) == 0 else known)
        parts.append(
            urllib.parse.quote(chosen, safe='', errors='surrogatepass')
        )
    return '/'.join(parts)


def _body(draw: st.DrawFn, route: Route, world: World, base: str) -> bytes:
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return draw(st.binary())
    if kind == 1:
        return _written(draw(_VALUES), world, base)
    right = copy.deepcopy(_right(route))
    if kind > 5:
        right = _spoiled(draw, right)
    return _written(right, world, base)


def _right(route: Route) -> Any:
    for (method, path), body in _RIGHT.items():
        if method == route.method and route.path.endswith(path):
            if path.startswith('/v1/') and route.path != path:
                continue
            return body
    if route.path.endswith('/consumers'):
        if '/secrets/' in route.path:
            return CONSUMER
        return CONTAINER_CONSUMER
    return {}


def _spoiled(draw: st.DrawFn, body: Any) -> Any:
    """The body with one thing in it changed, added or taken away."""
    if not isinstance(body, dict) or not body:
        return draw(_VALUES)
    more = ('other', 'pass_phrase', 'type', 'transport_key_needed')
    key = draw(st.sampled_from([*body, *more, 'transport_key_id']))
    inner = body.get(key)
    what = draw(st.integers(0, 3))
    if what == 0:
        body.pop(key, None)
    elif what == 1 and isinstance(inner, dict):
        body[key] = _spoiled(draw, inner)
    elif what == 2 and isinstance(inner, list) and inner:
        inner.append(_spoiled(draw, copy.deepcopy(inner[0])))
    else:
        body[key] = draw(_VALUES)
    return body


def _written(value: Any, world: World, base: str) -> bytes:
    try:
        text = json.dumps(value)
    except ValueError:
        # An integer that Python does not write out.
        text = '{}'
    secrets = world.get('secrets') or ['x']
    text = text.replace('BASE', base).replace('SECRET', secrets[0])
    return text.encode()
