# SPDX-License-Identifier: Apache-2.0
"""Options of the REST API; names are Barbican's where it has the option."""

from oslo_config import cfg

DEFAULT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'tokens of the Identity service'),
            (
                'http_basic',
                'users of a bcrypt password file, for bare metal without an '
                'Identity service',
            ),
            (
                'noauth',
                'nobody is asked who they are; for development only',
            ),
        ],
        help='How callers of the REST API prove who they are.',
    ),
    cfg.StrOpt(
        'host_href',
        default='',
        help="""
Base of the references in answers, without the version, for example
``https://keys.example.org:9311``.  Empty: taken from the request's Host
header, which is right unless a proxy hides the public name, with the scheme
that its X-Forwarded-Proto header says, if it has one.
""",
    ),
    cfg.IntOpt(
        'max_allowed_secret_in_bytes',
        default=20000,
        min=1,
        help='Largest payload of a secret, in bytes as it is sent.',
    ),
    cfg.IntOpt(
        'max_allowed_request_size_in_bytes',
        default=25000,
        min=1,
        help="""
Largest body of a request with JSON, in bytes.  Must leave room for
``max_allowed_secret_in_bytes`` of payload and the fields around it.
""",
    ),
    cfg.IntOpt(
        'default_limit_paging',
        default=10,
        min=1,
        help='Objects on a page of a list when the caller names no limit.',
    ),
    cfg.IntOpt(
        'max_limit_paging',
        default=100,
        min=1,
        help='Most objects on one page of a list.',
    ),
]

API_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'conductor',
        default='embedded',
        choices=[
            ('embedded', 'in each process of the API'),
            (
                'rpc',
                'processes of its own (secretstore-conductor), reached by '
                'transport_url; the API has neither keys nor a database',
            ),
        ],
        help='Where the conductor is, which has the keys and the database.',
    ),
    cfg.IntOpt(
        'auth_cache_time',
        default=60,
        min=0,
        help="""
Seconds for which a caller's proven identity is remembered inside this
process, so that a token is not taken apart, or a password hashed, on each
request.  Never longer than ``[keystone_authtoken] token_cache_time`` or the
token's own life.  A revoked token may go on working for this time and
auth_token's own cache time together; a changed password file counts at once.
0 turns it off.
""",
    ),
]

HTTP_BASIC_OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'admins',
        default=[],
        help="""
Users of the password file who get the ``admin`` role beside ``member`` and
``reader``.  Whoever knows the id of another project's secret may then see what
is known of it, and delete it, but not read its payload.  Lists stay those of
their own project.
""",
    ),
    cfg.StrOpt(
        'project_id',
        default='',
        help="""
Project in which all users of the password file work together.  Empty: each
user has a project of their own, with the user's name.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(DEFAULT_OPTS)
    conf.register_opts(API_OPTS, group='api')
    conf.register_opts(HTTP_BASIC_OPTS, group='http_basic')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [
        ('DEFAULT', DEFAULT_OPTS),
        ('api', API_OPTS),
        ('http_basic', HTTP_BASIC_OPTS),
    ]
