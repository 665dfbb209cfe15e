# SPDX-License-Identifier: Apache-2.0
"""Errors cross with their class and their message, and nothing else does."""

import unittest

from secretstore import errors
from secretstore.rpc import wire
from secretstore.tests.unit.conductor.base import context
from secretstore.tests.unit.rpc.test_codec import Failing, between

ALL_ERRORS = [
    known
    for known in vars(errors).values()
    if isinstance(known, type) and issubclass(known, errors.SecretStoreError)
]


class NewerError(errors.NotFound):
    """Of a later release."""


class ErrorsTest(unittest.TestCase):
    def test_each_keeps_its_class_and_its_message(self) -> None:
        for known in ALL_ERRORS:
            error = known.__new__(known)
            errors.SecretStoreError.__init__(error, 'What it says: ü.')
            for seal in (False, True):
                _, remote = between(Failing(error), seal)
                with self.assertRaises(errors.SecretStoreError) as caught:
                    remote.secrets.get(context(), 's')
                self.assertIs(known, type(caught.exception))
                self.assertEqual('What it says: ü.', str(caught.exception))
                self.assertEqual('What it says: ü.', caught.exception.message)

    def test_one_that_is_not_known_everywhere(self) -> None:
        _, remote = between(Failing(NewerError('gone')), seal=True)
        with self.assertRaisesRegex(errors.NotFound, '^gone$'):
            remote.secrets.get(context(), 's')
        # The caller is older, and has never heard of it.
        error = wire.Error(
            wire.NAMED, 'busy', wire.Named('KeyBusy', ['Unavailable'])
        )
        self.assertIs(errors.Unavailable, type(wire.to_exception(error)))
        for name in ('KeyBusy', 'Exception', 'SystemExit', '__name__', 'os'):
            error = wire.Error(wire.NAMED, 'x', wire.Named(name))
            self.assertIs(
                errors.SecretStoreError, type(wire.to_exception(error))
            )

    def test_what_older_callers_are_told_of_a_key_that_is_unusable(
        self,
    ) -> None:
        error = wire.from_exception(errors.MasterKeyUnusable('chmod 600'))
        assert error.data is not None
        self.assertEqual('MasterKeyUnusable', error.data.name)
        self.assertEqual('MasterKeyUnavailable', error.data.bases[0])

    def test_others_become_one_without_details(self) -> None:
        _, remote = between(Failing(KeyError('a payload')), seal=True)
        with (
            self.assertLogs('secretstore.rpc.dispatch', 'ERROR'),
            self.assertRaises(errors.SecretStoreError) as caught,
        ):
            remote.secrets.get(context(), 's')
        self.assertIs(errors.SecretStoreError, type(caught.exception))
        self.assertNotIn('payload', str(caught.exception))

    def test_what_operators_should_see_is_logged_where_it_happens(
        self,
    ) -> None:
        for error, seen in (
            (errors.MasterKeyUnavailable('/keys: no such file'), True),
            (errors.Corrupt('Secret 1'), True),
            (errors.NotFound('Secret not found.'), False),
        ):
            _, remote = between(Failing(error), seal=True)
            logger = 'secretstore.rpc.dispatch'
            expect = self.assertLogs if seen else self.assertNoLogs
            with expect(logger, 'WARNING'), self.assertRaises(type(error)):
                remote.secrets.get(context(), 's')
