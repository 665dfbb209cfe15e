# SPDX-License-Identifier: Apache-2.0
"""Errors of the Workflow API: a stable code, and words for people."""

from typing import Any

import webob

from secretstore.api import errors
from secretstore.api.application import ErrorHook
from secretstore.api.front import REQUEST_ID


class WorkflowErrorHook(ErrorHook):
    """Frames errors as ``{"error": {code, message, request_id}}``."""

    def refuse(
        self,
        state: Any,
        status: int,
        description: str,
        headers: dict[str, str] | None = None,
    ) -> webob.Response:
        code = {404: 'not_found', 405: 'method_not_allowed'}[status]
        return errors.coded(
            status, code, description, self._request_id(state), headers
        )

    def fail(
        self, state: Any, error: Exception, operation: str
    ) -> webob.Response:
        answer = errors.from_exception(error, operation)
        retry = answer.headers.get('Retry-After')
        return errors.coded(
            answer.status_int,
            errors.code_of(error),
            answer.json['description'],
            self._request_id(state),
            {'Retry-After': retry} if retry else None,
        )

    @staticmethod
    def _request_id(state: Any) -> str:
        found: str = state.request.environ[REQUEST_ID]
        return found
