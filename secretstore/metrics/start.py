# SPDX-License-Identifier: Apache-2.0
"""Begin to count, and to answer scrapes."""

import os
from pathlib import Path
import re

from oslo_config import cfg
from oslo_utils import netutils
import prometheus_client
from prometheus_client import multiprocess, values

from secretstore import errors
from secretstore.metrics import endpoint, record
from secretstore.metrics.folder import Folder
from secretstore.metrics.instruments import Instruments

# Where prometheus_client looks when it makes a file.
_VARIABLE = 'PROMETHEUS_MULTIPROC_DIR'


class Metrics:
    """What start() has started in this process."""

    def __init__(self, address: endpoint.Address, path: Path) -> None:
        self._stopped = False
        self._folder = Folder(path, lambda: self._endpoint.run())
        try:
            self._folder.enter(lambda: endpoint.require_free(address))
            registry = prometheus_client.CollectorRegistry()
            multiprocess.MultiProcessCollector(  # type: ignore[no-untyped-call]
                registry, str(path)
            )
            self._endpoint = endpoint.Endpoint(
                address, prometheus_client.make_wsgi_app(registry)
            )
        except BaseException:
            self._folder.leave()
            raise

    def run(self) -> None:
        os.environ[_VARIABLE] = str(self._folder.path)
        values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
            self._folder.number
        )
        record.turn_on(Instruments())
        os.register_at_fork(after_in_child=self._after_fork)
        self._endpoint.run()

    def stop(self) -> None:
        self._stopped = True
        record.turn_on(None)
        self._endpoint.stop()
        self._folder.leave()

    def _after_fork(self) -> None:
        if not self._stopped:
            self._folder.number()


def start(conf: cfg.ConfigOpts) -> Metrics | None:
    """Count from now on, if ``[metrics] listen`` says where to show it.

    Called once in a process, where it serves: after the server's forks.
    Raises StartupError when the address or the folder cannot be used.
    """
    listen = conf.metrics.listen
    if not listen:
        return None
    address = _parse(listen)
    # Processes that listen on one address show the same numbers.
    path = Path(conf.metrics.directory, re.sub(r'\W+', '-', listen))
    try:
        metrics = Metrics(address, path)
    except OSError as error:
        where = error.filename or f'cannot listen on {listen}'
        raise errors.StartupError(
            f'[metrics] listen, directory: {where}: {error.strerror}'
        ) from error
    metrics.run()
    return metrics


def _parse(listen: str) -> endpoint.Address:
    try:
        host, port = netutils.parse_host_port(listen)
        if host and port and 0 < int(port) < 65536:
            return host, int(port)
    except ValueError:
        pass
    raise errors.StartupError(
        f'[metrics] listen = {listen}: this is not HOST:PORT, such as '
        f'127.0.0.1:9313'
    )
