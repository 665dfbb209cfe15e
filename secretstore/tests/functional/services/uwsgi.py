# SPDX-License-Identifier: Apache-2.0
"""WSGI applications under uWSGI, as in production."""

import configparser
import pathlib
import sys
import typing

from secretstore.tests.functional.services import process, system, web

Options = typing.Mapping[str, typing.Mapping[str, object]]


def write_options(path: pathlib.Path, options: Options) -> None:
    """Write an oslo.config file: groups of options with their values."""
    lines = []
    for group, values in options.items():
        lines.append(f'[{group}]')
        for name, value in values.items():
            many = value if isinstance(value, list | tuple) else [value]
            lines += [f'{name} = {one}' for one in many]
        lines.append('')
    path.write_text('\n'.join(lines))


def read_options(path: pathlib.Path) -> dict[str, dict[str, object]]:
    """What write_options() wrote, each option once."""
    parser = configparser.ConfigParser(
        interpolation=None, default_section='', delimiters=('=',)
    )
    parser.read(path)
    return {group: dict(parser[group]) for group in parser.sections()}


def merge(*layers: Options) -> dict[str, dict[str, object]]:
    """One set of options; later layers win, option by option."""
    merged: dict[str, dict[str, object]] = {}
    for layer in layers:
        for group, values in layer.items():
            merged.setdefault(group, {}).update(values)
    return merged


def own_bin() -> pathlib.Path:
    """Where the programs of the environment that runs the tests are."""
    return pathlib.Path(sys.prefix) / 'bin'


class WsgiServer(process.Server):
    """A WSGI application in uWSGI processes, one group to signal."""

    module: typing.ClassVar[str]
    # Keep-alive; see Keystone for the exception.
    socket_option: typing.ClassVar[str] = '--http11-socket'
    processes = 2
    threads = 1
    # A path like /key-manager, below which the application is served.
    mount = ''
    extra: tuple[str, ...] = ()

    def __init__(self, programs: pathlib.Path) -> None:
        self._uwsgi = str(programs / 'uwsgi')
        if not pathlib.Path(self._uwsgi).exists():
            system.missing(f'{self._uwsgi} not found: pip install uwsgi')
        super().__init__()

    @property
    def url(self) -> str:
        return f'http://{system.HOST}:{self.port}{self.mount}'

    def command(self) -> list[str]:
        return [
            self._uwsgi,
            '--master',
            '--need-app',
            '--die-on-term',
            self.socket_option,
            f'{system.HOST}:{self.port}',
            '--processes',
            str(self.processes),
            '--threads',
            str(self.threads),
            '--enable-threads',
            '--lazy-apps',
            '--buffer-size',
            '65535',
            '--disable-logging',
            '--skip-atexit-teardown',
            '--worker-reload-mercy=10',
            *self._application(),
            *self.extra,
        ]

    def _application(self) -> list[str]:
        if not self.mount:
            return ['--module', self.module]
        return [
            '--manage-script-name',
            '--mount',
            f'{self.mount}={self.module}',
        ]

    def ready(self) -> bool:
        return web.answers(self.url + '/')
