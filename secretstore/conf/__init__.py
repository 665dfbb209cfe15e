# SPDX-License-Identifier: Apache-2.0
"""Configuration options, one module per group.

Nothing here uses ``oslo_config.cfg.CONF``: the caller passes the object to
register on, so that tests and tools have configurations of their own.
"""

from types import ModuleType

from oslo_config import cfg

from secretstore.conf import (
    api,
    barbican,
    collection,
    conductor,
    database,
    limits,
    metrics,
    notifications,
    orders,
    paths,
    pkcs11,
    quotas,
    rpc,
    security,
    transport_keys,
)

MODULES: tuple[ModuleType, ...] = (
    paths,
    api,
    database,
    security,
    barbican,
    pkcs11,
    quotas,
    limits,
    orders,
    collection,
    conductor,
    notifications,
    transport_keys,
    metrics,
    rpc,
)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register every option of the service on *conf*."""
    for module in MODULES:
        module.register_opts(conf)
