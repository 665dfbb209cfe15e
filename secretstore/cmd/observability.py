# SPDX-License-Identifier: Apache-2.0
"""What every process that runs for long offers to whoever watches it."""

import os
from pathlib import Path
import signal
import types

from oslo_config import cfg
from oslo_reports import guru_meditation_report
from oslo_reports import opts as report_options

from secretstore import errors, version
from secretstore.metrics import start as metrics
from secretstore.threads import no_signals

_TRIGGER_MODE = 0o640


class _Package:
    """The first lines of a report."""

    def vendor_string(self) -> str:
        return 'secretstore'

    def product_string(self) -> str:
        return 'secretstore'

    def version_string_with_package(self) -> str:
        return version.version_string()


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register [oslo_reports]; the other options are our own."""
    report_options.set_defaults(conf)


def start(conf: cfg.ConfigOpts, name: str, signals: bool = False) -> None:
    """Metrics and reports for this process, as far as they are wanted.

    Called once, where the process serves: after the server's forks.  Raises
    StartupError.

    :param name: of the program, for the names of files with reports
    :param signals: whether SIGUSR2 may be had, when no file is watched in
        its place: not in a server whose main thread is not Python's
    """
    metrics.start(conf)
    trigger = conf.oslo_reports.file_event_handler
    if trigger:
        _make(Path(trigger))
    if trigger or signals:
        with no_signals():
            guru_meditation_report.TextGuruMeditation.setup_autorun(
                _Package(),
                # Processes that write at the same second write one file each.
                service_name=f'{name}-{os.getpid()}',
                conf=conf,
            )


def report_upon_signal(conf: cfg.ConfigOpts, name: str) -> None:
    """Have this process, and all that it forks, write reports on SIGUSR2.

    For a program whose workers start in other threads than their first, which
    alone may set signals.  Nothing happens when a file is watched.
    """
    if conf.oslo_reports.file_event_handler:
        return

    def report(_: int, frame: types.FrameType | None) -> None:
        guru_meditation_report.TextGuruMeditation.handle_signal(
            _Package(),
            f'{name}-{os.getpid()}',
            conf.oslo_reports.log_dir,
            frame,
        )

    signal.signal(signal.SIGUSR2, report)


def _make(trigger: Path) -> None:
    """Make the file that is watched; after a boot it may be gone."""
    try:
        # One that is there is left as it is: a change has others report.
        if not trigger.exists():
            trigger.touch(_TRIGGER_MODE)
    except OSError as error:
        raise errors.StartupError(
            f'[oslo_reports] file_event_handler: {error.filename}: '
            f'{error.strerror}'
        ) from error
