# SPDX-License-Identifier: Apache-2.0
"""Our listener for Keystone's notifications."""

import pathlib

from secretstore.tests.functional.services import own, process, system

_SAYS = 'Waiting for deleted projects'


class KeystoneListener(process.Server):
    """secretstore-keystone-listener on the configuration of a service."""

    name = 'keystone-listener'

    def __init__(self, config_file: pathlib.Path) -> None:
        self._program = own.program('secretstore-keystone-listener')
        super().__init__()
        self._config_file = config_file
        self._seen = 0

    def env(self) -> dict[str, str]:
        return system.environment(HOME=str(self.folder))

    def prepare(self) -> None:
        self._seen = self.log_text().count(_SAYS)

    def command(self) -> list[str]:
        return [self._program, f'--config-file={self._config_file}']

    def ready(self) -> bool:
        return self.log_text().count(_SAYS) > self._seen
