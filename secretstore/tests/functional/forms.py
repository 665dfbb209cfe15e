# SPDX-License-Identifier: Apache-2.0
"""The two forms of a service of which one part is killed and started again."""

import contextlib
import pathlib
import typing

from secretstore.tests.functional.services import own, process, split, uwsgi


class Form(typing.Protocol):
    """A running service; starts on entry and stops on exit.

    victim may be killed: there is another of its kind.  The last of urls is
    of an API that goes on then.
    """

    victim: process.Server

    @property
    def urls(self) -> list[str]: ...

    @property
    def config_file(self) -> pathlib.Path:
        """What a conductor of it is configured with."""

    def __enter__(self) -> typing.Self: ...

    def __exit__(self, *unused: object) -> None: ...


class Embedded:
    """Two services with a conductor in each, on one database."""

    def __init__(self, database_url: str, options: uwsgi.Options) -> None:
        first, second = self._services = [
            own.SecretStore(database_url, options, processes=1)
            for _ in range(2)
        ]
        second.options = uwsgi.merge(
            second.options,
            {'proprietary': {'crypt_key_dir': first.key_folder}},
        )
        self.victim: process.Server = first
        self.config_file = first.config_file
        self._stack = contextlib.ExitStack()

    @property
    def urls(self) -> list[str]:
        return [each.url for each in self._services]

    def __enter__(self) -> typing.Self:
        with contextlib.ExitStack() as stack:
            for each in self._services:
                stack.enter_context(each)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()


class Apart:
    """Processes of the API, and two conductors that are asked over HTTP."""

    def __init__(self, database_url: str, options: uwsgi.Options) -> None:
        self._split = split.Split(database_url, options=options)
        first = self._split.conductors[0]
        self.victim: process.Server = first
        self.config_file = first.config_file

    @property
    def urls(self) -> list[str]:
        return [self._split.url]

    def __enter__(self) -> typing.Self:
        self._split.__enter__()
        return self

    def __exit__(self, *unused: object) -> None:
        self._split.stop()
