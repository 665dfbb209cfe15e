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
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='keystone_notifications')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('keystone_notifications', OPTS)]
