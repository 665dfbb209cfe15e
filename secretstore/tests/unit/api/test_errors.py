# SPDX-License-Identifier: Apache-2.0
import contextlib
import logging
import types
import unittest

import webob

from secretstore import errors
from secretstore.api import errors as api_errors
from secretstore.api.application import Application
from secretstore.api.front import REQUEST_ID
from secretstore.api.routing import Route
from secretstore.api.workflow.errors import WorkflowErrorHook
from secretstore.tests.unit.api.base import ApiTest

HINT = '/etc/secretstore/crypt_keys/1: belongs to user id 7: chmod 600'
TABLE: list[tuple[Exception, int, str]] = [
    (errors.InvalidInput('bad'), 400, 'bad'),
    (
        errors.InvalidObject('Secret', 'no', 'name'),
        400,
        "Provided object does not match schema 'Secret': no. Invalid "
        "property: 'name'",
    ),
    (
        errors.PayloadTooLarge(),
        413,
        'Provided information too large to process',
    ),
    (errors.UnsupportedMediaType('type'), 415, 'type'),
    (errors.NotAcceptable('accept'), 406, 'accept'),
    (errors.NotFound('Secret not found.'), 404, 'Secret not found.'),
    (errors.Conflict('twice'), 409, 'twice'),
    (
        errors.Forbidden('Policy does not allow secret:get.'),
        403,
        'Secret creation attempt not allowed - please review your '
        'user/project privileges',
    ),
    (
        api_errors.IssueSeen(400, 'No data supplied to process.'),
        400,
        'Secret creation issue seen - No data supplied to process..',
    ),
    (
        errors.DatabaseUnavailable('mysql://host:3306 refused'),
        503,
        'Secret creation is not possible at the moment - the database is '
        'not available.',
    ),
    (
        errors.MasterKeyUnavailable(HINT),
        503,
        'Secret creation is not possible at the moment - the master key is '
        'not available.',
    ),
    (
        errors.MasterKeyUnusable(HINT),
        503,
        'Secret creation is not possible at the moment - the master key is '
        'not usable until an operator sees to it.',
    ),
    (
        errors.ConductorUnavailable('http://host:9312 refused'),
        503,
        'Secret creation is not possible at the moment - the conductor is '
        'not available.',
    ),
    (
        errors.Corrupt('Secret 1: tag'),
        500,
        'Secret creation failure seen - the stored record was changed and '
        'is refused as corrupt.',
    ),
    *[
        (
            error,
            500,
            'Secret creation failure seen - please contact site '
            'administrator.',
        )
        for error in (
            errors.MasterKeyNotFound(HINT),
            errors.SecretStoreError(HINT),
            ValueError(HINT),
            KeyError(HINT),
        )
    ],
]


class _SubclassOfConflict(errors.Conflict):
    """An error that the table does not list."""


class FromExceptionTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        handler = logging.NullHandler()
        logging.getLogger().addHandler(handler)
        self.addCleanup(logging.getLogger().removeHandler, handler)

    def test_table(self) -> None:
        for error, status, description in TABLE:
            with self.subTest(repr(error)):
                answer = api_errors.from_exception(error, 'Secret creation')
                self.assertEqual(status, answer.status_int)
                self.assertEqual(
                    {
                        'code': status,
                        'title': answer.status.partition(' ')[2],
                        'description': description,
                    },
                    answer.json,
                )
                wants_retry = status == 503 and not isinstance(
                    error, errors.MasterKeyUnusable
                )
                self.assertEqual(wants_retry, 'Retry-After' in answer.headers)
                self.assertNotIn('crypt_keys', answer.text)

    def test_every_named_error_has_a_status(self) -> None:
        todo = [errors.SecretStoreError]
        while todo:
            kind = todo.pop()
            todo += kind.__subclasses__()
            self.assertTrue(any(c in api_errors.STATUS for c in kind.__mro__))
        self.assertEqual(409, api_errors.status_of(_SubclassOfConflict('x')))

    def test_what_is_logged(self) -> None:
        for error, status, _ in TABLE:
            with self.subTest(repr(error)):
                expected: contextlib.AbstractContextManager[object]
                expected = (
                    self.assertLogs(api_errors.LOG)
                    if status >= 500
                    else self.assertNoLogs(api_errors.LOG)
                )
                with expected:
                    api_errors.from_exception(error, 'Secret creation')

    def test_only_what_heals_by_itself_is_a_warning(self) -> None:
        for kind, level in (
            (errors.MasterKeyUnavailable, 'WARNING'),
            (errors.MasterKeyUnusable, 'ERROR'),
        ):
            with self.assertLogs(api_errors.LOG) as logs:
                api_errors.from_exception(kind(HINT), 'Secret creation')
            (record,) = logs.records
            self.assertEqual(level, record.levelname)
            self.assertIn(HINT, record.getMessage())


class WorkflowTest(unittest.TestCase):
    def test_only_what_heals_by_itself_may_be_repeated(self) -> None:
        request = webob.Request.blank('/', {REQUEST_ID: 'req-1'})
        for kind, code, retry in (
            (errors.MasterKeyUnavailable, 'master_key_unavailable', '5'),
            (errors.MasterKeyUnusable, 'master_key_unusable', None),
        ):
            answer = WorkflowErrorHook().fail(
                types.SimpleNamespace(request=request), kind(HINT), 'Rotation'
            )
            self.assertEqual(503, answer.status_int)
            self.assertEqual(code, answer.json['error']['code'])
            self.assertEqual(retry, answer.headers.get('Retry-After'))
            self.assertNotIn('crypt_keys', answer.text)


class UnexpectedTest(ApiTest):
    def test_no_internals_in_a_500(self) -> None:
        def broken(*args: object) -> None:
            raise RuntimeError('select * from secrets at 10.0.0.1')

        self.app = Application([Route('GET', '/x', broken, 'Thing retrieval')])
        with self.assertLogs(api_errors.LOG, 'ERROR'):
            answer = self.get('/x')
        self.assert_error(
            500,
            'Thing retrieval failure seen - please contact site '
            'administrator.',
            answer,
        )
