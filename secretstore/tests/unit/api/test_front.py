# SPDX-License-Identifier: Apache-2.0
"""What holds for every request, whoever answers it."""

from collections.abc import Iterable
import io
import logging
from typing import Any
import unittest

from oslo_context import context
import webob

from secretstore.api.front import MAX_DRAINED, Front
from secretstore.context import RequestContext

INBOUND = 'req-6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'


class SilentBody(io.BytesIO):
    """A body that never comes: reading it would wait for ever."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError('nobody may wait for this body')


class FrontTest(unittest.TestCase):
    def setUp(self) -> None:
        self.seen: dict[str, Any] = {}
        self.front = Front(self.answer)

    def answer(
        self, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        self.seen = environ
        self.current = context.get_current()
        if environ['PATH_INFO'] == '/fails':
            raise ImportError('a module with a s3cret name')
        start_response('404 Not Found', [('Content-Length', '0')])
        return []

    def call(self, path: str = '/', **environ: Any) -> webob.Response:
        request = webob.Request.blank(path, environ=environ)
        return request.get_response(self.front)

    def test_every_answer_has_an_id_of_its_own(self) -> None:
        ids = {self.call().headers['X-Openstack-Request-Id'] for _ in 'ab'}
        self.assertEqual(2, len(ids))
        self.assertIn(self.seen['openstack.request_id'], ids)

    def test_the_callers_id_is_kept_when_it_is_one(self) -> None:
        self.call(HTTP_X_OPENSTACK_REQUEST_ID=INBOUND)
        self.assertEqual(INBOUND, self.seen['openstack.global_request_id'])
        self.call(HTTP_X_OPENSTACK_REQUEST_ID=f'{INBOUND}\nforged')
        self.assertNotIn('openstack.global_request_id', self.seen)

    def test_the_log_forgets_who_came_before(self) -> None:
        RequestContext(user_id='alice', request_id='before')
        self.call()
        self.assertIsNone(self.current.user_id)
        self.assertEqual(
            self.seen['openstack.request_id'], self.current.request_id
        )

    def test_what_fails_outside_of_the_application(self) -> None:
        with self.assertLogs('secretstore', logging.ERROR):
            answer = self.call('/fails')
        self.assertEqual(500, answer.status_int)
        self.assertEqual(500, answer.json['code'])
        self.assertNotIn('s3cret', answer.text)
        self.assertIn('X-Openstack-Request-Id', answer.headers)

    def test_a_body_without_an_end(self) -> None:
        chunked = {'HTTP_TRANSFER_ENCODING': 'chunked'}
        self.assertEqual(411, self.call(**chunked).status_int)
        self.assertEqual({}, self.seen)
        terminated = {**chunked, 'wsgi.input_terminated': True}
        self.assertEqual(404, self.call(**terminated).status_int)

    def test_the_rest_of_a_body_under_uwsgi(self) -> None:
        body = io.BytesIO(b'unread')
        self.call(
            **{
                'uwsgi.version': b'2.0',
                'wsgi.input': body,
                'CONTENT_LENGTH': '6',
            }
        )
        self.assertEqual(6, body.tell())

    def test_nobody_waits_for_a_body(self) -> None:
        silent: dict[str, Any] = {
            'wsgi.input': SilentBody(),
            'CONTENT_LENGTH': '1',
        }
        self.assertEqual(404, self.call(**silent).status_int)
        silent['uwsgi.version'] = b'2.0'
        for length in ('', '0', 'junk', str(MAX_DRAINED + 1)):
            silent['CONTENT_LENGTH'] = length
            self.assertEqual(404, self.call(**silent).status_int)
