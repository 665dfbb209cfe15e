# SPDX-License-Identifier: Apache-2.0
"""What must not be found, in all the forms in which it could be."""

import base64
import pathlib
import secrets
import typing
import urllib.parse
import uuid

from oslo_config import cfg

from secretstore import conf as options
from secretstore.crypto import aead, binding, envelope
from secretstore.security import proprietary
from secretstore.tests.functional.services import mariadbd, own


class Needles:
    """Values by what they are; each is long, random and nowhere else."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def text(self, name: str) -> str:
        """A new value of this name, the same one when asked again."""
        if name not in self._values:
            self.add(name, f'needle/{secrets.token_hex(12)}+ä')
        return self.value(name)

    def binary(self, name: str) -> bytes:
        """As text(), of bytes that are not UTF-8."""
        if name not in self._values:
            marked = f'needle-{secrets.token_hex(12)}'.encode()
            self.add(name, b'\xff' + marked + b'\xfe')
        return self._values[name]

    def value(self, name: str) -> str:
        return self._values[name].decode()

    def add(self, name: str, value: str | bytes) -> None:
        if isinstance(value, str):
            value = value.encode()
        self._values[name] = value

    def found_in(self, text: str, where: str) -> list[str]:
        """One line for each value that *text* contains in some form."""
        return [
            f'{name} as {form} in {where}: ...{_around(text, needle)}...'
            for name, value in self._values.items()
            for form, needle in _forms(value).items()
            if needle in text
        ]


def _forms(value: bytes) -> dict[str, str]:
    core = value.strip(b'\xff\xfe').decode(errors='replace')
    encoded = base64.b64encode(value).decode().rstrip('=')
    forms = {
        'base64': encoded,
        'URL-safe base64': encoded.translate(str.maketrans('+/', '-_')),
        'hex': value.hex(),
        'hex in capitals': value.hex().upper(),
        'quoted': urllib.parse.quote(core, safe=''),
        'the repr of bytes': repr(value.strip(b'\xff\xfe'))[2:-1],
    }
    if '�' not in core:
        forms['text'] = core
        # What is left of it in logs that shorten or encode otherwise.
        forms['a part of the text'] = core[:24]
    return forms


def _around(text: str, needle: str) -> str:
    at = text.index(needle)
    return text[max(0, at - 200) : at + len(needle) + 50]


def add_master_key(needles: Needles, file: pathlib.Path) -> None:
    text = file.read_text().strip()
    needles.add('master key file', text)
    needles.add('master key', base64.b64decode(text))


def add_keys(
    needles: Needles, server: own.SecretStore, database: mariadbd.MariaDB
) -> None:
    """All keys of all levels that a service has made so far."""
    for file in server.key_folder.iterdir():
        add_master_key(needles, file)
    strategy = _strategy(server)
    for row in database.sql(_PROJECT_KEYS, 'leaks').splitlines():
        key_id, project, reference, wrapped = row.split('\t')
        key = strategy.unwrap(
            reference,
            bytes.fromhex(wrapped),
            binding.binding('project key', project, key_id),
        )
        needles.add(f'project key {key_id}', key)
        for name, data_key in _data_keys(database, key_id, key):
            needles.add(name, data_key)


def _strategy(server: own.SecretStore) -> proprietary.SecurityWorkflow:
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[])
    conf.set_override('crypt_key_dir', str(server.key_folder), 'proprietary')
    return proprietary.SecurityWorkflow(conf)


def _data_keys(
    database: mariadbd.MariaDB, key_id: str, key: bytes
) -> typing.Iterator[tuple[str, bytes]]:
    rows = database.sql(_ENVELOPES, 'leaks').splitlines()
    for row in rows:
        secret_id, project, record = row.split('\t')
        found = envelope.Envelope.decode(bytes.fromhex(record))
        if found.project_key_id == uuid.UUID(key_id):
            bound = binding.binding('secret', project, secret_id)
            yield (
                f'data key of {secret_id}',
                found._data_key(aead.Aead(key), bound),
            )


_PROJECT_KEYS = """
SELECT project_keys.id, project_id, reference, HEX(wrapped_key)
FROM project_keys JOIN master_keys ON master_keys.id = master_key_id
"""
_ENVELOPES = """
SELECT secrets.id, project_id, HEX(envelope)
FROM secrets JOIN secret_payloads ON secret_id = secrets.id
"""
