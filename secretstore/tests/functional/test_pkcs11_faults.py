# SPDX-License-Identifier: Apache-2.0
"""Tokens that go, come back, are others, or hold what they should not."""

import os
import signal
import uuid

from secretstore import errors
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.keys import master
from secretstore.security.pkcs11 import blob, reference
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.functional import base, pkcs11_base
from secretstore.tests.functional.services import tokens


class TestTokenAway(pkcs11_base.TokenTest):
    def test_removed_and_back(self) -> None:
        with self.token.away():
            with self.assertRaises(errors.MasterKeyUnavailable) as caught:
                self.unwrap()
            # It may be back at any time.
            self.assertNotIsInstance(
                caught.exception, errors.MasterKeyUnusable
            )
            message = caught.exception.message
            self.assertIn(self.token.label, message)
            self.assertIn('is it connected and initialised', message)
            self.refusal(self.strategy.check)
            self.refusal(self.strategy.create_master_key)
        self.assert_heals()
        self.strategy.check()

    def test_initialised_anew_and_restored(self) -> None:
        with self.token.away():
            self.token.initialise()
            # It may take a moment until anybody tries again.
            with self.assertRaises(errors.SecretStoreError):
                self.unwrap()
            other = self.started()
            with self.assertRaises(errors.MasterKeyNotFound) as caught:
                other.unwrap(self.reference, self.wrapped, pkcs11_base.BINDING)
            self.assertIn(self.reference, caught.exception.message)
            self.assertIn('Restore it', caught.exception.message)
        self.assert_heals()

    def test_what_an_old_session_misses_is_asked_of_a_new_one(self) -> None:
        with self.token.away():
            self.token.initialise()
            self.refusal(failure=errors.MasterKeyNotFound)
        self.assert_heals()

    def test_store_unreadable(self) -> None:
        (content,) = self.token.store.glob('*/token.object')
        kept = content.read_bytes()
        content.write_bytes(kept[: len(kept) // 2])
        os.kill(pkcs11_base.workers()[0], signal.SIGKILL)
        self.assertIn('No session with the token', self.refusal())
        content.write_bytes(kept)
        self.assert_heals()

    def test_keys_unreadable(self) -> None:
        kept = {
            file: file.read_bytes()
            for file in self.token.store.glob('*/*.object')
            if file.name != 'token.object'
        }
        for file in kept:
            file.write_bytes(b'')
        self.assertIn(
            self.reference, self.refusal(failure=errors.MasterKeyNotFound)
        )
        for file, content in kept.items():
            file.write_bytes(content)
        self.assert_heals()

    def test_a_lost_key_is_no_reason_for_new_sessions(self) -> None:
        first = pkcs11_base.workers()
        lost = reference.new('lost').reference

        def unwrap() -> bytes:
            return self.unwrap_with(lost)

        self.refusal(unwrap, errors.MasterKeyNotFound)
        second = pkcs11_base.workers()
        self.assertNotEqual(first, second)
        for _ in range(10):
            self.refusal(unwrap, errors.MasterKeyNotFound)
        self.assertEqual(second, pkcs11_base.workers())
        self.assert_works()

    def test_away_at_the_start(self) -> None:
        conf = self.token.configuration()
        with self.token.away():
            message = self.refusal(SecurityWorkflow(conf).start)
        self.assertIn(self.token.label, message)
        self.assertEqual(1, len(pkcs11_base.workers()))


class TestKeys(pkcs11_base.TokenTest):
    def test_two_with_one_name(self) -> None:
        name = reference.parse(self.reference)
        self.token.import_keys(tokens.aes(*name, bytes(32)))
        for call in (
            self.unwrap,
            lambda: self.strategy.destroy_master_key(self.reference),
            lambda: self.strategy.wrap(self.reference, bytes(32), b''),
        ):
            message = self.refusal(call, errors.MasterKeyUnusable)
            self.assertIn(self.reference, message)
            self.assertIn('more than one AES key', message)

    def test_only_both_label_and_id_are_the_name(self) -> None:
        label, key_id = reference.parse(self.reference)
        self.token.import_keys(
            tokens.aes(label, b'other', bytes(32)),
            tokens.aes('other', key_id, bytes(32)),
        )
        self.assert_works()

    def test_hmac_key_lost(self) -> None:
        strategy = self.started(mechanisms=['aes-cbc-pad-hmac'])
        number = uuid.uuid4().bytes
        name = reference.KeyName('imported', number)
        self.token.import_keys(
            tokens.aes(*name, bytes(32)), tokens.hmac(*name, bytes(32))
        )
        wrapped = strategy.wrap(name.reference, pkcs11_base.KEY, b'')
        self.token.remove()
        self.token.initialise()
        self.token.import_keys(tokens.aes(*name, bytes(32)))
        self.strategy.stop()
        strategy = self.started()
        message = self.refusal(
            lambda: strategy.unwrap(name.reference, wrapped, b''),
            errors.MasterKeyUnusable,
        )
        self.assertIn('its HMAC key is gone', message)

    def test_new_keys_never_leave_the_token(self) -> None:
        for mechanism in self.strategy.conf.pkcs11.mechanisms:
            strategy = self.started(mechanisms=[mechanism])
            strategy.create_master_key()
        keys = strategy._custodian.keys()
        self.assertEqual(4 + 2, len(keys))
        for key in keys:
            self.assertEqual(256, key.bits)
            self.assertLess(
                {'SENSITIVE', 'ALWAYS_SENSITIVE', 'NEVER_EXTRACTABLE'},
                set(key.attributes),
            )
            self.assertNotIn('EXTRACTABLE', key.attributes)
            # One that could do both could be made to give others away.
            self.assertFalse({'DECRYPT', 'WRAP'} <= set(key.attributes))


class TestMechanisms(pkcs11_base.TokenTest):
    def test_without_gcm(self) -> None:
        self.strategy.stop()
        self.token.allow(
            'CKM_AES_CBC_PAD',
            'CKM_AES_KEY_WRAP',
            'CKM_AES_KEY_GEN',
            'CKM_SHA256_HMAC',
            'CKM_GENERIC_SECRET_KEY_GEN',
        )
        self.strategy = self.started()
        forms = self.strategy._custodian.forms
        self.assertEqual({'aes-gcm': 'no CKM_AES_GCM'}, forms.missing)
        created = self.strategy.create_master_key()
        wrapped = self.strategy.wrap(created, pkcs11_base.KEY, b'')
        self.assertEqual(blob.AES_CBC_PAD_HMAC.header, wrapped[:2])
        # What was wrapped with it waits until it is there again.
        for call in (
            self.unwrap,
            lambda: self.strategy.wrap(self.reference, bytes(32), b''),
        ):
            message = self.refusal(call, errors.MasterKeyUnusable)
            self.assertIn(self.reference, message)
        self.assertIn('does not do aes-gcm any more', self.refusal())
        self.strategy.stop()
        self.token.allow()
        self.strategy = self.started()
        self.assert_works()
        # A key stays with what it was made for.
        wrapped = self.strategy.wrap(created, pkcs11_base.KEY, b'')
        self.assertEqual(blob.AES_CBC_PAD_HMAC.header, wrapped[:2])

    def test_with_none(self) -> None:
        self.token.allow('CKM_AES_KEY_GEN')
        message = self.refusal(self.started, errors.StartupError)
        self.assertIn('none of the mechanisms', message)
        self.assertIn('aes-cbc-pad-hmac: no CKM_AES_CBC_PAD', message)


class TestStart(pkcs11_base.TokenTest, base.FunctionalTest):
    def test_wrong_library(self) -> None:
        missing = self.token.folder / 'missing.so'
        conf = self.token.configuration(library_path=missing)
        message = self.refusal(
            SecurityWorkflow(conf).start, errors.StartupError
        )
        self.assertIn(f'library_path = {missing}', message)
        missing.write_text('This is no library.')
        message = self.refusal(SecurityWorkflow(conf).start)
        self.assertIn(f'the library {missing} cannot be loaded', message)

    def test_no_mechanism(self) -> None:
        conf = self.token.configuration(mechanisms=[])
        message = self.refusal(
            SecurityWorkflow(conf).start, errors.StartupError
        )
        self.assertIn('aes-gcm: not enabled', message)

    def test_wrong_serial_number(self) -> None:
        conf = self.token.configuration(token_serial_number='0123')
        message = self.refusal(SecurityWorkflow(conf).start)
        self.assertIn("serial number '0123'", message)

    def test_two_tokens_of_one_label(self) -> None:
        serial = self.strategy._custodian.token.serial
        self.token.initialise()
        conf = self.token.configuration()
        message = self.refusal(SecurityWorkflow(conf).start)
        self.assertIn('2 tokens have the label', message)
        self.refusal(SecurityWorkflow(conf).start, errors.MasterKeyUnusable)
        self.strategy = self.started(
            token_label='', token_serial_number=serial
        )
        self.assert_works()

    def test_two_keys_of_one_name(self) -> None:
        url = self.new_database('sqlite')
        database = Database(url)
        migration.upgrade(database)
        keys = master.MasterKeys(database, {'hsm': self.strategy}, 'hsm')
        row = keys.in_use()
        name = reference.parse(row.reference)
        self.token.import_keys(tokens.aes(*name, bytes(32)))
        strategy = SecurityWorkflow(self.token.configuration())
        self.addCleanup(strategy.stop)
        keys = master.MasterKeys(database, {'hsm': strategy}, 'hsm')
        message = self.refusal(keys.start, errors.StartupError)
        self.assertIn(row.reference, message)
        self.assertIn('more than one AES key', message)
