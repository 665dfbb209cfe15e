# SPDX-License-Identifier: Apache-2.0
"""Find the strategies that the configuration names."""

from collections.abc import Iterable
import importlib
import importlib.metadata
import inspect

from oslo_config import cfg
import stevedore
from stevedore import exception

from secretstore import errors
from secretstore.security import workflow

NAMESPACE = 'secretstore.security_strategies'


def strategies(
    conf: cfg.ConfigOpts,
) -> dict[str, workflow.BaseSecurityWorkflow]:
    """Every enabled strategy under its configured name, not yet started.

    ``security_strategy`` comes first and is always there.
    """
    found = {conf.security_strategy: load(conf, conf.security_strategy)}
    for name in conf.enabled_security_strategies:
        if name not in found:
            found[name] = load(conf, name, 'enabled_security_strategies')
    return found


def load(
    conf: cfg.ConfigOpts, name: str, option: str = 'security_strategy'
) -> workflow.BaseSecurityWorkflow:
    """Build the strategy ``name``; ``option`` is where the name stands.

    A name with a dot is the full path of a class, any other the name of an
    installed entry point.  Raises ``StartupError`` with one line when it
    is neither.
    """
    where = f'{option} = {name}'
    found = _from_path(name, where) if '.' in name else _installed(name, where)
    if (
        inspect.isclass(found)
        and issubclass(found, workflow.BaseSecurityWorkflow)
        and not inspect.isabstract(found)
    ):
        return found(conf)
    raise errors.StartupError(
        f'{where}: this is not a class derived from '
        f'secretstore.security.workflow.BaseSecurityWorkflow that has all '
        f'its methods'
    )


def _installed(name: str, where: str) -> object:
    try:
        manager = stevedore.DriverManager[object](
            NAMESPACE, name, on_missing_entrypoints_callback=None
        )
    except exception.NoMatches:
        raise errors.StartupError(
            f'{where}: no strategy of this name is installed; known are '
            f'{_listed(_known())}, or give the full path of a class'
        ) from None
    except exception.MultipleMatches:
        raise errors.StartupError(
            f'{where}: more than one installed package has a strategy of '
            f'this name; give the full path of the class instead'
        ) from None
    # A plug-in may fail in any way while it is imported, and the operator
    # needs the option's name beside the reason whatever it was.
    except Exception as exc:
        raise _not_imported(where, exc) from exc
    return manager.driver


def _from_path(path: str, where: str) -> object:
    module, _, name = path.rpartition('.')
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as exc:
        raise _not_imported(where, exc) from exc


def _not_imported(where: str, exc: Exception) -> errors.StartupError:
    reason = ' '.join(str(exc).split())
    return errors.StartupError(
        f'{where}: cannot be imported '
        f'({type(exc).__name__}: {reason}); known names are '
        f'{_listed(_known())}'
    )


def _known() -> Iterable[str]:
    return importlib.metadata.entry_points(group=NAMESPACE).names


def _listed(names: Iterable[str]) -> str:
    return ', '.join(sorted(names)) or 'none (is secretstore installed?)'
