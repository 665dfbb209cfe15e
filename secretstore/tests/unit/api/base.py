# SPDX-License-Identifier: Apache-2.0
"""The whole API in this process, called as a WSGI server calls it."""

import json
from typing import TYPE_CHECKING, Any, ClassVar
import uuid

import webob

from secretstore.api import app
from secretstore.tests.unit.conductor.base import ConductorTest

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

JSON = {'Content-Type': 'application/json'}


class ApiTest(ConductorTest):
    """One application per class, one project per test."""

    app: ClassVar['WSGIApplication']

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.app = staticmethod(app.build(cls.conf, cls.conductor))

    def setUp(self) -> None:
        super().setUp()
        self.project = uuid.uuid4().hex
        self.headers: dict[str, str] = {'X-Project-Id': self.project}

    def call(
        self,
        method: str,
        path: str,
        body: bytes | str = b'',
        headers: dict[str, str] | None = None,
        environ: dict[str, Any] | None = None,
    ) -> webob.Response:
        request = webob.Request.blank(
            path,
            method=method,
            body=body.encode() if isinstance(body, str) else body,
            headers=self.headers | (headers or {}),
        )
        request.environ.update(environ or {})
        return request.get_response(self.app)

    def get(self, path: str, **headers: str) -> webob.Response:
        named = {
            name.replace('_', '-'): value for name, value in headers.items()
        }
        return self.call('GET', path, headers=named)

    def post(self, data: Any, path: str = '/v1/secrets') -> webob.Response:
        return self.call('POST', path, json.dumps(data), JSON)

    def put(
        self, path: str, body: bytes | str, content_type: str, **more: str
    ) -> webob.Response:
        headers = {'Content-Type': content_type} | more
        return self.call('PUT', path, body, headers)

    def store(self, **fields: Any) -> str:
        """The path of a new secret."""
        answer = self.post(fields)
        self.assertEqual(201, answer.status_int, answer.text)
        return '/v1/secrets/' + answer.json['secret_ref'].rsplit('/', 1)[1]

    def store_text(self, payload: str = 'text', **fields: Any) -> str:
        return self.store(
            payload=payload, payload_content_type='text/plain', **fields
        )

    def assert_error(
        self, status: int, description: str, answer: webob.Response
    ) -> None:
        self.assertEqual(status, answer.status_int, answer.text)
        self.assertEqual('application/json', answer.content_type)
        self.assertEqual(['code', 'title', 'description'], [*answer.json])
        self.assertEqual(status, answer.json['code'])
        self.assertEqual(description, answer.json['description'])
