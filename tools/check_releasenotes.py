# SPDX-License-Identifier: Apache-2.0
"""Fails on release notes whose name does not end in 16 hex digits.

reno follows a note through renames by those digits; `reno new` adds them.
"""

import pathlib
import re
import sys

NOTES = pathlib.Path('releasenotes/notes')
NAME = re.compile(r'[a-z0-9][a-z0-9-]*-[0-9a-f]{16}\.yaml')


def main() -> int:
    wrong = [
        str(path)
        for path in sorted(NOTES.iterdir())
        if not path.name.startswith('.') and not NAME.fullmatch(path.name)
    ]
    for path in wrong:
        print(f'{path}: name it with `reno new a-few-words`')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
