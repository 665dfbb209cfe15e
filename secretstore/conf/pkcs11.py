# SPDX-License-Identifier: Apache-2.0
"""The token of the ``pkcs11`` strategy, and how it is spoken to."""

from oslo_config import cfg, types

# The names of secretstore.security.pkcs11.blob, in order of preference.
MECHANISMS = ('aes-gcm', 'aes-cbc-pad-hmac', 'aes-key-wrap-hmac')

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'library_path',
        default='',
        help="""
File name of the PKCS#11 library of the HSM's vendor. It is loaded by worker
processes only, never by the service itself.
""",
    ),
    cfg.StrOpt(
        'token_label',
        default='',
        help="""
Label of the token that holds the master keys. Slot numbers are not used: they
change. Set this, token_serial_number, or both; exactly one token must fit.
""",
    ),
    cfg.StrOpt(
        'token_serial_number',
        default='',
        help="""
Serial number of the token that holds the master keys, as "secretstore-manage
hsm check" shows it.
""",
    ),
    cfg.StrOpt(
        'pin_file',
        default='',
        help="""
File with the PIN of the token's user, as its only line. Others than its owner
and group must have no access to it. It is read each time a session is opened.
A PIN that the token refused is presented no second time by any process of this
host, as long as they can share what they know in state_path, until an operator
runs "secretstore-manage hsm check". Set this or pin_credential.
""",
    ),
    cfg.StrOpt(
        'pin_credential',
        default='',
        help="""
Name of the systemd credential (LoadCredential= or LoadCredentialEncrypted= of
the service's unit) that holds the PIN, in place of pin_file.
""",
    ),
    cfg.StrOpt(
        'key_label_prefix',
        default='secretstore',
        help="""
What the labels of new keys in the token begin with, before a hyphen and a
UUID. Keys that exist are found by their full label and id, whatever this is.
""",
    ),
    cfg.IntOpt(
        'workers',
        default=2,
        min=1,
        max=64,
        help="""
Number of worker processes, each with one session with the token, that each
process of the service may start. They are started when they are needed. The
HSM must allow this number times the number of the service's processes, on all
hosts.
""",
    ),
    cfg.FloatOpt(
        'wait_timeout',
        default=10,
        min=0.1,
        help="""
Seconds for which a request waits for a worker while all are busy. After that
it is answered with 503 and may be repeated.
""",
    ),
    cfg.FloatOpt(
        'call_timeout',
        default=10,
        min=0.1,
        help="""
Seconds after which a call of the library counts as hanging. Its worker is
killed and replaced, and the request is answered with 503.
""",
    ),
    cfg.FloatOpt(
        'start_timeout',
        default=30,
        min=1,
        help="""
Seconds that a new worker may take to load the library, and again to log in or
to wait while other processes of this host do.
""",
    ),
    cfg.ListOpt(
        'mechanisms',
        item_type=types.String(choices=list(MECHANISMS)),
        default=list(MECHANISMS),
        help="""
Mechanisms for new master keys, the most wanted first; those that the token
does not have are passed over. A master key stays with the mechanism that it
was made for, also when that is not named here any more: rotate to a new master
key to leave it.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='pkcs11')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('pkcs11', OPTS)]
