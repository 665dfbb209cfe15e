# SPDX-License-Identifier: Apache-2.0
"""Options of the keys that clients seal payloads to."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help="""
Whether clients may fetch a public key of the service and upload payloads that
are sealed to it, so that proxies and whatever logs requests on the way do not
see them. Needs an OpenSSL with ML-KEM (3.5 or later, as the wheels of
cryptography have it). Set it alike for all processes of the service.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='transport_keys')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('transport_keys', OPTS)]
