# SPDX-License-Identifier: Apache-2.0
"""Whether others could have read, or written, a file that holds a secret."""

from collections.abc import Callable, Collection
import os
import stat
from typing import NamedTuple

OTHERS = stat.S_IRWXO
GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Rule(NamedTuple):
    """What is asked of a file.

    :ivar closed: bits of the mode none of which may be set
    :ivar remedy: what the operator does about those that are
    :ivar owners: ids of users it may belong to; None means anybody
    :ivar owner_hint: whose it should be; empty means this process's user
    """

    closed: int
    remedy: str
    owners: Collection[int] | None = None
    owner_hint: str = ''
    is_type: Callable[[int], bool] = stat.S_ISREG


def ours(mode: str, remedy: str = '') -> Rule:
    """A file of the user that the service runs as, and of nobody else's.

    :param mode: what to give to chmod
    :param remedy: what to do after that
    """
    return Rule(
        GROUP_AND_OTHERS,
        f'find out who could read it, then run chmod {mode}{remedy}',
        (os.geteuid(),),
    )


def problem(info: os.stat_result, rule: Rule) -> str:
    """What is wrong with the opened file; nothing when the rule is kept."""
    if not rule.is_type(info.st_mode):
        return 'not a regular file'
    if rule.owners is not None and info.st_uid not in rule.owners:
        hint = rule.owner_hint or (
            f'it must belong to the user the service runs as '
            f'(id {os.geteuid()})'
        )
        return f'belongs to user id {info.st_uid}: {hint}'
    if info.st_mode & rule.closed:
        whom = 'group or others' if rule.closed & stat.S_IRGRP else 'others'
        mode = stat.S_IMODE(info.st_mode)
        return f'open to {whom} (mode {mode:04o}): {rule.remedy}'
    return ''
