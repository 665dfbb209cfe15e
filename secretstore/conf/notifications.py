# SPDX-License-Identifier: Apache-2.0
"""Where secretstore-keystone-listener hears of deleted projects.

Named as Barbican names them, so that its files go on to work.
"""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'transport_url',
        secret=True,
        help="""
The message bus that Keystone notifies on, as oslo.messaging writes it:
rabbit://user:password@host:5672/. The default is transport_url of [DEFAULT].
Only secretstore-keystone-listener connects to it.
""",
    ),
    cfg.StrOpt(
        'control_exchange',
        default='keystone',
        help="""
The exchange that Keystone publishes on: control_exchange in its own file.
""",
    ),
    cfg.StrOpt(
        'topic',
        default='notifications',
        help="""
The topic that Keystone publishes on: one of [oslo_messaging_notifications]
topics in its own file.
""",
    ),
    cfg.StrOpt(
        'pool_name',
        default='secretstore',
        help="""
Listeners with the same name share the notifications; each name gets all of
them, in a queue of its own. Without a name, notifications are also shared
with whatever other services listen to the topic, which then miss some, and
so does this one.
""",
    ),
    cfg.IntOpt(
        'thread_pool_size',
        default=2,
        min=1,
        help="""
How many projects one listener purges at the same time.
""",
    ),
    cfg.IntOpt(
        'purge_again_after',
        default=900,
        min=0,
        help="""
Seconds after which a listener that purged a project purges it once more: API
processes may remember a token of the project ([keystone_authtoken]
token_cache_time and [api] auth_cache_time) and its key ([conductor]
key_cache_ttl) for some time, and store something meanwhile. 0 leaves it at
the first time. A listener that ends before does not do it later.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='keystone_notifications')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('keystone_notifications', OPTS)]
