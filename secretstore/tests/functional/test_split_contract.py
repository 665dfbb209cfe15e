# SPDX-License-Identifier: Apache-2.0
"""The contract through API and conductor apart, once over each transport."""

import typing

from secretstore.tests.functional import contract, services
from secretstore.tests.functional.services import (
    own,
    rabbitmq,
    shared,
    split,
)

# At least one file of each resource, and all sorts of answers.
OVER_HTTP = (
    'acls-secret',
    'consumers-secret',
    'containers',
    'differences-secretstore',
    'errors',
    'orders-asymmetric',
    'orders-key',
    'quotas',
    'secret-stores',
    'secrets-create',
    'secrets-list',
    'secrets-metadata',
    'secrets-payload',
    'transport-keys',
)
OVER_RABBITMQ = (
    'orders-refused',
    'secrets-payload',
    'secrets-two-step',
)


class Service(split.Split):
    """With Keystone and MariaDB; starts a bus of its own when told to."""

    def __init__(self, name: str, bus: rabbitmq.RabbitMQ | None) -> None:
        database = services.mariadb()
        database.create_database(name)
        super().__init__(
            database.url(name),
            bus=bus,
            options=own.with_keystone(
                services.keystone(), services.memcached()
            ),
        )
        self._bus = bus

    def start(self) -> None:
        if self._bus is not None:
            self._bus.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        if self._bus is not None:
            self._bus.stop()


TRANSPORTS: tuple[tuple[str, tuple[str, ...], contract.Server], ...] = (
    ('Http', OVER_HTTP, shared.Shared(lambda: Service('split_http', None))),
    (
        'Rabbitmq',
        OVER_RABBITMQ,
        shared.Shared(lambda: Service('split_bus', rabbitmq.RabbitMQ())),
    ),
)
for _name, _files, _server in TRANSPORTS:
    for _file in _files:
        _path = contract.GABBITS / f'{_file}.yaml'
        _class: type[typing.Any] = contract.make_class(
            __name__, _name, _path, _server
        )
        globals()[_class.__name__] = _class
del _class
