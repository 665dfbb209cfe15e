# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Keystone: an HTTP server that knows a few tokens."""

from datetime import UTC, datetime, timedelta
import http.server
import json
import threading
from typing import Any

OPTIONS = """
[keystone_authtoken]
auth_type = password
auth_url = {url}
username = secretstore
password = none
project_name = service
user_domain_name = Default
project_domain_name = Default
www_authenticate_uri = http://identity.example.org
service_token_roles = service
service_token_roles_required = true
{more}
"""
DEFAULT = {'id': 'default', 'name': 'Default'}


def token(seconds: float = 3600, **fields: Any) -> dict[str, Any]:
    """What Keystone tells of a token; None takes a field away."""
    now = datetime.now(UTC)
    body = {
        'methods': ['password'],
        'user': {'id': 'user-id', 'name': 'user', 'domain': DEFAULT},
        'project': {'id': 'project-id', 'name': 'p', 'domain': DEFAULT},
        'roles': [{'id': '1', 'name': 'member'}, {'id': '2', 'name': 'x'}],
        'catalog': [],
        'issued_at': now.isoformat(),
        'expires_at': (now + timedelta(seconds=seconds)).isoformat(),
        'audit_ids': ['a'],
    } | fields
    return {name: part for name, part in body.items() if part is not None}


class Identity(http.server.ThreadingHTTPServer):
    """Serves until close(); *tokens* may be changed at any time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.tokens: dict[str, dict[str, Any]] = {}
        # The status that the service's own user gets; 0: a token.
        self.refuses = 0
        self.url = f'http://127.0.0.1:{self.server_port}'
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Identity
    protocol_version = 'HTTP/1.1'

    def do_GET(self) -> None:
        if self.path.rstrip('/') == '/v3':
            self._answer(200, {'version': _version(self.server.url)})
            return
        if not self.path.startswith('/v3/auth/tokens'):
            self._answer(200, _versions(self.server.url))
            return
        known = self.server.tokens.get(self.headers['X-Subject-Token'])
        if known is None:
            self._answer(404, {'error': {'code': 404, 'title': 'Not Found'}})
        else:
            self._answer(200, {'token': known})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers['Content-Length']))
        if self.server.refuses:
            self._answer(self.server.refuses, {'error': {'message': 'no'}})
            return
        catalog = [_catalog_entry(self.server.url)]
        own = {'token': token(catalog=catalog)}
        self._answer(201, own, {'X-Subject-Token': 'own'})

    def _answer(
        self, status: int, body: Any, headers: dict[str, str] | None = None
    ) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


def _catalog_entry(url: str) -> dict[str, Any]:
    endpoints = [
        {'id': kind, 'interface': kind, 'region': None, 'url': f'{url}/v3'}
        for kind in ('internal', 'admin', 'public')
    ]
    return {
        'id': 'i',
        'type': 'identity',
        'name': 'keystone',
        'endpoints': endpoints,
    }


def _versions(url: str) -> dict[str, Any]:
    return {'versions': {'values': [_version(url)]}}


def _version(url: str) -> dict[str, Any]:
    return {
        'id': 'v3.14',
        'status': 'stable',
        'links': [{'rel': 'self', 'href': f'{url}/v3/'}],
        'media-types': [],
    }
