# SPDX-License-Identifier: Apache-2.0
"""What ``oslo-config-generator`` lists for this project."""

from oslo_config import cfg

from secretstore import conf


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Groups and their options; libraries list their own."""
    return [group for module in conf.MODULES for group in module.list_opts()]
