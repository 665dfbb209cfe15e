# SPDX-License-Identifier: Apache-2.0
"""Where the "barbican" security strategy finds Barbican."""

from oslo_config import cfg

GROUP = 'barbican'
TIMEOUT = 10.0

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'barbican_url',
        help="""
Where Barbican is, without the version: https://keys.example.org:9311. When it
is not set, the key-manager endpoint of the Identity service's catalog is
used. It must be a Barbican: secretstore refuses itself, and any other
secretstore.
""",
    ),
    cfg.StrOpt(
        'barbican_endpoint_type',
        default='public',
        choices=[
            'public',
            'internal',
            'admin',
            'publicURL',
            'internalURL',
            'adminURL',
        ],
        help='Which endpoint of the catalog to use.',
    ),
    cfg.StrOpt(
        'barbican_region_name',
        help='The region of the endpoint in the catalog.',
    ),
    cfg.StrOpt(
        'remote_barbican_client',
        default='barbicanclient.client.Client',
        help="""
Full path of what makes the client of Barbican. It is called with session,
endpoint, interface, region_name, service_type and version, and gives an
object whose secrets and orders are used as python-barbicanclient's.
""",
    ),
    cfg.FloatOpt(
        'key_cache_ttl',
        default=60,
        min=0,
        help="""
Seconds for which a master key that was fetched is kept in memory. Within that
time a key that was removed from Barbican goes on working in this process, and
project keys can be unwrapped while Barbican is away. 0 fetches the master key
each time.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group=GROUP)


def register_client_opts(conf: cfg.ConfigOpts) -> None:
    """Register what keystoneauth has options for: login, TLS, timeout."""
    # It imports much, which only this strategy needs.
    from keystoneauth1 import loading

    loading.register_auth_conf_options(conf, GROUP)
    conf.register_opts(_session_opts(), group=GROUP)


def _session_opts() -> list[cfg.Opt]:
    from keystoneauth1 import loading

    found = loading.get_session_conf_options()
    cfg.set_defaults(found, timeout=TIMEOUT)
    return found


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]


def list_client_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """What register_client_opts() registers, and how one logs in usually."""
    from keystoneauth1 import loading

    options = [
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options('v3password'),
        *_session_opts(),
    ]
    return [(GROUP, options)]
