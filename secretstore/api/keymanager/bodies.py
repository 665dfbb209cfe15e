# SPDX-License-Identifier: Apache-2.0
"""Reading and checking request bodies: status and words as Barbican's."""

from collections.abc import Iterable
import copy
import json
import logging
import re
from typing import Any, Self

import fastjsonschema
import jsonschema
import jsonschema.protocols
import webob

from secretstore import errors

LOG = logging.getLogger(__name__)

# No document of this API nests deeper than four levels.  What works on one
# nested without limit runs out of stack in places that do not expect it.
MAX_DEPTH = 16

_NEWEST = jsonschema.Draft202012Validator
# Properties, and the body itself, in which a payload or pass phrase may be.
_HOLD_SECRETS = (None, 'payload', 'meta')
_UNSTORABLE = re.compile('[\x00\ud800-\udfff]')


class Schema:
    """A named JSON schema whose validators are built once.

    fastjsonschema lets pass, in 1 us, what is right; jsonschema, in 30, says
    what is wrong in the words that clients know.

    :param draft: a validator class of jsonschema
    """

    def __init__(
        self,
        name: str,
        schema: dict[str, Any],
        draft: type[jsonschema.protocols.Validator] = _NEWEST,
    ) -> None:
        self.name = name
        draft.check_schema(schema)
        self._validator = draft(schema)
        # It does not know the oldest drafts.
        self._fast = (
            fastjsonschema.compile(schema) if draft is _NEWEST else None
        )

    def within(self, parent: str) -> Self:
        """The same schema, as the part of another one."""
        part = copy.copy(self)
        part.name = f"{self.name}' within '{parent}"
        return part

    def validate(self, data: Any) -> None:
        """Raise InvalidObject for the first thing that is wrong."""
        if self._fast is not None:
            try:
                self._fast(data)
                return
            except fastjsonschema.JsonSchemaValueException:
                LOG.debug('%s: refused by the fast validator', self.name)
        error = jsonschema.exceptions.best_match(
            self._validator.iter_errors(data)
        )
        if error is not None:
            path = error.schema_path
            prop = str(path[1]) if len(path) > 1 else None
            raise errors.InvalidObject(self.name, _reason(error, prop), prop)

    def invalid(self, reason: str, prop: str) -> errors.InvalidObject:
        """The error for what a JSON schema cannot say."""
        return errors.InvalidObject(self.name, reason, prop)

    def check_text(self, prop: str, text: str) -> None:
        """Refuse what no database stores: NUL and lone surrogates."""
        if _UNSTORABLE.search(text):
            raise self.invalid(
                'NUL and unpaired surrogates are not allowed', prop
            )


def _reason(error: jsonschema.ValidationError, prop: str | None) -> str:
    """The validator's words, without a secret: clients log answers."""
    told = repr(error.instance)
    if prop in _HOLD_SECRETS and error.message.startswith(told):
        return 'it' + error.message[len(told) :]
    return str(error.message)


def require_content_type(request: webob.Request, expected: list[str]) -> None:
    """Raise UnsupportedMediaType unless the body is of an expected type."""
    if (request.content_type or '').lower() not in expected:
        raise errors.UnsupportedMediaType(
            f'Unexpected content type. Expected content types are: {expected}'
        )


def read(request: webob.Request, limit: int) -> bytes | None:
    """The body, or None when it is longer than *limit* bytes.

    :raises InvalidInput: when the caller goes away before its end
    """
    try:
        body: bytes = request.body_file.read(limit + 1)
    except OSError as error:
        raise errors.InvalidInput('The body ended too early.') from error
    return body if len(body) <= limit else None


def read_json(request: webob.Request, limit: int) -> Any:
    """The JSON value in a body of ``application/json``, read strictly.

    :param limit: bytes; a longer body is malformed, as it is to Barbican
    """
    require_content_type(request, ['application/json'])
    return parse_json(read(request, limit))


def parse_json(body: bytes | None) -> Any:
    """The JSON value in a body that read() gave, read strictly."""
    try:
        # Left to itself, json would guess at UTF-16 and skip a byte order
        # mark.
        data = json.loads((body or b'').decode('utf-8'))
    except (ValueError, RecursionError) as error:
        raise errors.InvalidInput('Malformed JSON') from error
    if _is_too_deep(data):
        raise errors.InvalidInput('Malformed JSON')
    return data


def _is_too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def stripped(data: Any, keep: frozenset[str] = frozenset()) -> Any:
    """*data* with white space around every string removed.

    :param keep: keys of the outermost object to leave exactly as they are
    """
    if isinstance(data, str):
        return data.strip()
    if isinstance(data, list):
        return [stripped(item) for item in data]
    if isinstance(data, dict):
        return {
            key: value if key in keep else stripped(value)
            for key, value in data.items()
        }
    return data
