# SPDX-License-Identifier: Apache-2.0
"""The URL table of the Workflow API."""

from oslo_config import cfg

from secretstore.api.routing import Route
from secretstore.api.workflow.master_keys import MasterKeysController
from secretstore.rpc.interface import Conductor

MASTER_KEYS = '/workflow/v1/master-keys'


def routes(conf: cfg.ConfigOpts, conductor: Conductor) -> list[Route]:
    """Everything below /workflow."""
    keys = MasterKeysController(conductor.master_keys, conf)
    what = 'Master key'
    return [
        Route('GET', MASTER_KEYS, keys.index, f'{what} retrieval'),
        Route(
            'POST', f'{MASTER_KEYS}/rotate', keys.rotate, f'{what} rotation'
        ),
        Route(
            'POST', f'{MASTER_KEYS}/migrate', keys.migrate, f'{what} migration'
        ),
        Route(
            'POST',
            f'{MASTER_KEYS}/{{id}}/retire',
            keys.retire,
            f'{what} retirement',
        ),
    ]
