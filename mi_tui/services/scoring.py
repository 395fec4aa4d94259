"""Calls an endpoint. Not with the SDK: its `invoke` keeps the deployment of one call for all later ones of the process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from mi_tui.model.secret import Secret
from mi_tui.services.errors import translated

if TYPE_CHECKING:
    from requests import PreparedRequest

KEPT_HEADERS = (
    "azureml-model-deployment",
    "content-type",
    "ms-azureml-bandwidth-request-delay-ms",
    "ms-azureml-model-error-reason",
    "ms-azureml-model-error-statuscode",
    "x-ms-request-id",
    "x-ms-run-function-failed",
    "x-ms-run-fn-exec-ms",
    "x-request-id",
)
"""Headers that say who answered and what went wrong in the container (Troubleshoot online endpoints: HTTP status codes)."""


class ScoreAnswer(Struct, frozen=True):
    """What the endpoint answered. `model_status` is the status of the scoring server itself when Azure hides it behind 424."""

    status: int
    text: str
    seconds: float
    headers: dict[str, str]
    model_status: int | None

    @property
    def ok(self) -> bool:
        """Whether the status is a success. The text still wants a look: a script may answer an error with 200."""
        return 200 <= self.status < 300


def invoke(
    uri: str,
    key: Secret,
    body: bytes,
    *,
    deployment: str | None = None,
    timeout: float = 60,
    content_type: str = "application/json",
) -> ScoreAnswer:
    """Send `body` to the scoring address; whatever the status, the answer comes back.

    With `deployment`, past the traffic rules to that one. Proxy and trusted certificates are those of the environment.
    Raises ServiceError when there was no answer (`mi-tui/network`).
    """
    headers = {"Authorization": f"Bearer {key.reveal()}", "Content-Type": content_type, "Accept": "application/json"}
    if deployment:
        headers["azureml-model-deployment"] = deployment
    with translated():
        import requests

        with requests.Session() as http:
            # A machine's ~/.netrc would replace the Authorization header.
            http.auth = _keep_headers
            begun = time.monotonic()
            answer = http.post(uri, data=body, headers=headers, timeout=timeout, allow_redirects=False)
            seconds = time.monotonic() - begun
    kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    status = kept.get("ms-azureml-model-error-statuscode", "")
    return ScoreAnswer(answer.status_code, answer.text, seconds, kept, int(status) if status.isdigit() else None)


def _keep_headers(request: PreparedRequest) -> PreparedRequest:
    return request
