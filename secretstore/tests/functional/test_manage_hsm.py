# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage hsm``, as an operator runs it."""

import unittest

from secretstore.security.pkcs11 import reference
from secretstore.tests.functional.services import (
    libraries,
    own,
    system,
    tokens,
    uwsgi,
)

_ENCRYPT_INIT = 30
# No key that is stored in the token encrypts; pointer 25 is
# C_GetAttributeValue, attribute 1 CKA_TOKEN.
_DEFECTIVE = """
static U instead(U session, void *mechanism, U key) {
    unsigned char stored = 0;
    struct { U type; void *value; U size; } is_stored = {1, &stored, 1};
    ((U (*)(U, U, void *, U))behind[25])(session, key, &is_stored, 1);
    if (stored)
        return 0x30; /* CKR_DEVICE_ERROR */
    return ((U (*)(U, void *, U))behind[POINTER])(session, mechanism, key);
}
"""


class TestManageHsm(unittest.TestCase):
    def setUp(self) -> None:
        self.token = tokens.SoftHsm()
        self.token.use_in(self)
        self.config = self.token.folder / 'secretstore.conf'

    def manage(self, *words: str, **options: object) -> str:
        """What is printed, with no database configured at all."""
        group = {**self.token.options(), **options}
        shared = {'state_path': self.token.folder}
        uwsgi.write_options(self.config, {'DEFAULT': shared, 'pkcs11': group})
        output = system.run(
            [
                own.program('secretstore-manage'),
                f'--config-file={self.config}',
                'hsm',
                *words,
            ],
            env=system.environment(HOME=str(self.token.folder)),
        )
        self.assertNotIn(self.token.pin, output)
        return output

    def refusal(self, *words: str, **options: object) -> str:
        with self.assertRaises(system.Error) as caught:
            self.manage(*words, **options)
        message = str(caught.exception)
        self.assertIn('secretstore-manage: ', message)
        self.assertNotIn('Traceback', message)
        self.assertNotIn(self.token.pin, message)
        return message

    def test_check(self) -> None:
        output = self.manage('check')
        for words in (
            f'Token       {self.token.label}\n',
            'Model       SoftHSM project, SoftHSM v2\n',
            f'PIN         accepted, of {self.token.pin_file}\n',
            '  aes-gcm            works; used for new master keys\n',
            '  aes-cbc-pad-hmac   works\n',
            '  aes-key-wrap-hmac  works\n',
        ):
            self.assertIn(words, output)
        output = self.manage('check', mechanisms='aes-key-wrap-hmac')
        self.assertIn('aes-key-wrap-hmac  works; used for new', output)
        self.assertIn('aes-gcm            works; not in [pkcs11]', output)

    def test_create_and_list(self) -> None:
        self.assertIn('no secret keys', self.manage('list'))
        created = self.manage(
            'create-key',
            mechanisms='aes-cbc-pad-hmac',
            key_label_prefix='site-1',
        ).strip()
        name = reference.parse(created)
        self.assertTrue(name.label.startswith('site-1-'))
        self.assertIn('no secret keys', self.manage('list'))
        header, *rows = self.manage(
            'list', key_label_prefix='site-1'
        ).splitlines()
        self.assertEqual(
            ['LABEL', 'ID', 'TYPE', 'BITS', 'ATTRIBUTES'], header.split()
        )
        self.assertEqual(2, len(rows))
        for row, kind, use in zip(
            rows, ('AES', 'GENERIC_SECRET'), ('DECRYPT', 'SIGN'), strict=True
        ):
            label, key_id, found, bits, *attributes = row.split()
            self.assertEqual(
                (*name, kind, '256'),
                (label, bytes.fromhex(key_id), found, bits),
            )
            self.assertIn('NEVER_EXTRACTABLE,', attributes)
            self.assertIn(use, row)

    def test_a_key_that_does_not_work_is_removed(self) -> None:
        """No trial shows it: those are made with keys of a session."""
        library = libraries.around(self.token, _ENCRYPT_INIT, _DEFECTIVE)
        said = self.refusal('create-key', library_path=library)
        self.assertIn('DeviceError', said)
        self.assertIn('The key was removed again', said)
        self.assertIn('no secret keys', self.manage('list'))

    def test_list_warns(self) -> None:
        key = tokens.aes('secretstore-old', b'1', bytes(32))
        exposed = {'SENSITIVE': False, 'EXTRACTABLE': True}
        self.token.import_keys(key, key | exposed)
        output = self.manage('list')
        for words in (
            'this key can be read out',
            'this key can leave the token',
            '2 AES keys have this label and id',
        ):
            self.assertIn(f'WARNING: secretstore-old: {words}', output)

    def test_a_label_that_is_no_text(self) -> None:
        odd = 'secretstore-caf\udce9'
        for label in ('secretstore-1', odd):
            self.token.import_keys(tokens.aes(label, b'1', bytes(32)))
        (row,) = self.manage('list').splitlines()[1:]
        self.assertTrue(row.startswith('secretstore-1 '), row)

    def test_refusals(self) -> None:
        self.assertIn(
            'library_path is not set', self.refusal('check', library_path='')
        )
        self.assertIn(
            'set [pkcs11] token_label', self.refusal('list', token_label='')
        )
        self.assertIn(
            "no token with the label 'other'",
            self.refusal('create-key', token_label='other'),
        )
        self.assertIn(
            'key_label_prefix', self.refusal('check', key_label_prefix='a b')
        )
        self.token.write_pin('no-pin')
        self.assertIn('refused this PIN', self.refusal('check'))
        self.token.pin_file.chmod(0o644)
        self.assertIn('chmod 640', self.refusal('check'))
