# SPDX-License-Identifier: Apache-2.0
"""A secret of another service, stored and read without the REST API."""

# begin
from oslo_config import cfg

from secretstore.context import RequestContext
from secretstore.rpc import client
from secretstore.rpc.interface import NewSecret, Payload


def stored_and_read(conf: cfg.ConfigOpts, url: str) -> Payload:
    conductor = client.connect(conf, url)
    context = RequestContext(
        user_id='backup-agent', project_id='databases', roles=['member']
    )
    secret: NewSecret = {
        'name': 'backup of tuesday',
        'secret_type': 'passphrase',
        'content_type': 'text/plain',
        'payload': b'correct horse battery staple',
        'algorithm': None,
        'bit_length': None,
        'mode': None,
        'expiration': None,
    }
    secret_id = conductor.secrets.create(context, secret)
    return conductor.secrets.payload(context, secret_id)


# end
