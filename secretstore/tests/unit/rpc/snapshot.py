# SPDX-License-Identifier: Apache-2.0
"""The interface as data: what each version has, and what breaks it.

``python -m secretstore.tests.unit.rpc.snapshot`` writes the snapshot of the
version that the interface says it is, for the version's author to review.
"""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from secretstore.rpc import codec, interface
from secretstore.rpc.codec import Method

_FOLDER = Path(__file__).parent
_REF = '{name}'


def path(version: str) -> Path:
    return _FOLDER / f'interface-{version}.json'


def load(version: str) -> Any:
    return json.loads(path(version).read_text())


def present() -> Any:
    """The interface as it is now."""
    methods = sorted(codec.METHODS.values(), key=lambda method: method.name)
    kinds = [kind for one in methods for kind in (one.params, one.result)]
    schemas, types = msgspec.json.schema_components(kinds, ref_template=_REF)
    return _without_words(
        {
            'methods': {
                one.name: {'params': params, 'result': result}
                for one, params, result in zip(
                    methods, schemas[::2], schemas[1::2], strict=True
                )
            },
            'types': types,
        }
    )


def _without_words(value: Any) -> Any:
    # Through JSON, so that it is what can be read back.
    if isinstance(value, dict):
        return {
            key: _without_words(inner)
            for key, inner in value.items()
            if not (key in ('title', 'description') and isinstance(inner, str))
        }
    return [*map(_without_words, value)] if isinstance(value, list) else value


def methods_of(version: str) -> dict[str, Method]:
    """What a program has that is as old as this version."""
    known = load(version)
    made = {}
    for name, schemas in known['methods'].items():
        resource, _, function = name.partition('.')
        arguments = known['types'][schemas['params']['$ref']]['properties']
        protocol = get_type_hints(interface.Conductor)[resource]
        hints = get_type_hints(getattr(protocol, function))
        made[name] = Method(
            resource,
            getattr(protocol, function),
            **{
                argument: hint
                for argument, hint in hints.items()
                if argument in arguments or argument == 'return'
            },
        )
    return made


def breaks(old: Any, new: Any) -> list[str]:
    """What a caller, or a conductor, of *old* would stumble over."""
    found = []
    for name, before in old['methods'].items():
        after = new['methods'].get(name)
        if after is None:
            found.append(f'{name} is gone')
            continue
        found += [
            f'{name}: {what}'
            for what in (
                *_Comparison(old, new, _asks_more).of(
                    before['params'], after['params'], 'params'
                ),
                *_Comparison(old, new, _gives_less).of(
                    before['result'], after['result'], 'result'
                ),
            )
        ]
    return found


def _asks_more(before: set[str], after: set[str]) -> set[str]:
    return after - before


def _gives_less(before: set[str], after: set[str]) -> set[str]:
    return before - after


class _Comparison:
    def __init__(
        self,
        old: Any,
        new: Any,
        wrong: Callable[[set[str], set[str]], set[str]],
    ) -> None:
        self._old = old['types']
        self._new = new['types']
        self._wrong = wrong

    def of(self, before: Any, after: Any, where: str) -> list[str]:
        before, after = (
            types.get(it.get('$ref'), it) if isinstance(it, dict) else it
            for types, it in ((self._old, before), (self._new, after))
        )
        if not isinstance(before, dict) or not isinstance(after, dict):
            same = before == after
            return [] if same else [f'{where}: {before} is now {after}']
        if 'properties' in before and 'properties' in after:
            return self._objects(before, after, where)
        found = []
        for key in sorted({*before, *after}):
            found += self._inner(before.get(key), after.get(key), where, key)
        return found

    def _inner(self, before: Any, after: Any, where: str, key: str) -> Any:
        lists = isinstance(before, list) and isinstance(after, list)
        if lists and len(before) == len(after):
            return [
                what
                for pair in zip(before, after, strict=True)
                for what in self.of(*pair, f'{where}.{key}')
            ]
        return self.of(before, after, f'{where}.{key}')

    def _objects(self, before: Any, after: Any, where: str) -> list[str]:
        found = []
        for name, inner in before['properties'].items():
            if name in after['properties']:
                found += self.of(
                    inner, after['properties'][name], f'{where}.{name}'
                )
            else:
                found.append(f'{where}.{name} is gone')
        needed = [set(one.get('required', ())) for one in (before, after)]
        found += [
            f'{where}.{name}: whether it is required has changed'
            for name in sorted(self._wrong(*needed))
        ]
        return found


if __name__ == '__main__':
    path(interface.VERSION).write_text(
        json.dumps(present(), indent=1, sort_keys=True) + '\n'
    )
