# SPDX-License-Identifier: Apache-2.0
"""Fails on files over 300 lines and functions over 40.

    python tools/check_sizes.py FOLDER...

A docstring does not count towards the length of its function.
"""

import ast
from collections.abc import Iterator
import pathlib
import sys

MAX_FILE = 300
MAX_FUNCTION = 40


def function_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        first = node.body[0]
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def too_long(path: pathlib.Path) -> Iterator[str]:
    text = path.read_text()
    lines = len(text.splitlines())
    if lines > MAX_FILE:
        yield f'{path}:1: {lines} lines, at most {MAX_FILE}'
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = function_length(node)
            if length > MAX_FUNCTION:
                yield (
                    f'{path}:{node.lineno}: {node.name}: {length} lines,'
                    f' at most {MAX_FUNCTION}'
                )


def main(folders: list[str]) -> int:
    found = [
        problem
        for folder in folders
        for path in sorted(pathlib.Path(folder).rglob('*.py'))
        for problem in too_long(path)
    ]
    print('\n'.join(found) or 'sizes: fine')
    return bool(found)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
