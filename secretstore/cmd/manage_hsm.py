# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage hsm``: the token of the pkcs11 strategy."""

import argparse
from collections import Counter
from collections.abc import Iterator
import contextlib

from oslo_config import cfg

from secretstore import errors
from secretstore.security.pkcs11 import blob
from secretstore.security.pkcs11.custodian import Custodian
from secretstore.security.pkcs11.messages import KeyInfo
from secretstore.security.pkcs11.reference import KeyName

_HELP = {
    'check': (
        'log in to the token, also with a PIN that it has refused before, and '
        'try what it can do'
    ),
    'list': 'list the keys whose labels begin with [pkcs11] key_label_prefix',
    'create-key': 'make a key in the token, for master-key rotate --key',
}
_COLUMNS = ('LABEL', 'ID', 'TYPE', 'BITS', 'ATTRIBUTES')


def add_parser(
    subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Add the command; it needs no database."""
    parser = subparsers.add_parser('hsm', help='the token of [pkcs11]')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='|'.join(_HELP)
    )
    runs = {'check': _check, 'list': _list, 'create-key': _create_key}
    for name, text in _HELP.items():
        actions.add_parser(name, help=text).set_defaults(
            run=runs[name], needs_database=False
        )


@contextlib.contextmanager
def _started(
    conf: cfg.ConfigOpts, refused_pin_again: bool = False
) -> Iterator[Custodian]:
    custodian = Custodian(conf, refused_pin_again=refused_pin_again)
    try:
        custodian.start()
        yield custodian
    finally:
        custodian.stop()


def _check(_: object, conf: cfg.ConfigOpts) -> None:
    with _started(conf, refused_pin_again=True) as custodian:
        token = custodian.token
        print(f'Library     {conf.pkcs11.library_path} ({token.library})')
        print(f'Token       {token.label}')
        print(f'Serial      {token.serial}')
        print(f'Model       {token.manufacturer}, {token.model}')
        print(f'Flags       {", ".join(token.flags)}')
        print(f'PIN         accepted, of {custodian.pin_path}')
        print(f'Sessions    {conf.pkcs11.workers} per process of the service')
        print('Mechanisms')
        for name in blob.NAMES:
            print(f'  {name:18} {_state(custodian, name)}')


def _state(custodian: Custodian, name: str) -> str:
    if name in custodian.forms.missing:
        return f'missing: {custodian.forms.missing[name]}'
    if name not in custodian.usable:
        return 'works; not in [pkcs11] mechanisms, so only for old keys'
    if name == custodian.usable[0]:
        return 'works; used for new master keys'
    return 'works'


def _list(_: object, conf: cfg.ConfigOpts) -> None:
    with _started(conf) as custodian:
        keys = custodian.keys()
    if not keys:
        print(
            f'The token has no secret keys whose labels begin with '
            f'{conf.pkcs11.key_label_prefix}'
        )
        return
    rows = [_COLUMNS, *map(_row, keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        print('  '.join(f'{cell:{width}}' for cell, width in cells).rstrip())
    for warning in _warnings(keys):
        print(warning)


def _row(key: KeyInfo) -> tuple[str, ...]:
    attributes = ', '.join(key.attributes)
    return (key.label, key.id.hex(), key.type, str(key.bits), attributes)


def _warnings(keys: list[KeyInfo]) -> Iterator[str]:
    for key in keys:
        if 'SENSITIVE' not in key.attributes:
            yield f'WARNING: {key.label}: this key can be read out'
        if 'EXTRACTABLE' in key.attributes:
            yield f'WARNING: {key.label}: this key can leave the token'
    counts = Counter((key.label, key.id, key.type) for key in keys)
    for (label, _, kind), count in counts.items():
        if count > 1:
            yield (
                f'WARNING: {label}: {count} {kind} keys have this label and '
                f'id, so none of them is used'
            )


def _create_key(_: object, conf: cfg.ConfigOpts) -> None:
    with _started(conf) as custodian:
        name = custodian.create()
        try:
            _try(custodian, name)
        except errors.SecretStoreError as exc:
            raise type(exc)(
                f'{exc.message}{_removed(custodian, name)}'
            ) from exc
    print(name.reference)


def _try(custodian: Custodian, name: KeyName) -> None:
    # Through a session that looks it up: the key is really there.
    key = bytes(blob.KEY_SIZE)
    if custodian.unwrap(name, custodian.wrap(name, key, b''), b'') != key:
        raise errors.MasterKeyUnavailable(
            f'{name.reference}: the token made this key, but does not give '
            f'back what it wrapped'
        )


def _removed(custodian: Custodian, name: KeyName) -> str:
    """Remove a key that does not work; what became of it, for the message."""
    try:
        custodian.destroy(name)
    except errors.SecretStoreError as exc:
        return f'. Remove {name.reference}, which nothing uses: {exc.message}'
    return '. The key was removed again'
