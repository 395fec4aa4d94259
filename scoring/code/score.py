"""Scoring script of the online endpoint: reads one blob with the endpoint's managed identity, then answers predictions.

``init()`` reads the blob twice, by plain REST and by the Azure SDK, and logs what it found and which principal read it;
a deployment whose identity may not read the blob therefore fails to start instead of failing at the first request.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import math
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import joblib
import requests
import requests.adapters
import urllib3
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobClient

MODEL_FILE = "model/sklearn_regression_model.pkl"
STORAGE = "https://storage.azure.com"
# Azure Storage takes Entra tokens from service version 2017-11-09 on (REST: "Versioning for Azure Storage").
BLOB_API_VERSION = "2023-11-03"
# The version of the identity endpoint that azure-identity's Azure ML source asks for.
IDENTITY_API_VERSION = "2017-09-01"
TIMEOUT = (10, 60)
# A connection that is cut, or a service that is busy, would end the deployment: it is asked again, after up to eight seconds in all.
AGAIN = urllib3.Retry(total=4, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False)
LOGGED_CHARACTERS = 200

model: Any = None


def _own_logger() -> logging.Logger:
    """Return a logger with a handler of its own.

    azureml-inference-server-http leaves the root logger unconfigured since 0.8.0, so ``logging.info`` reaches no log.
    The line format is the server's, so that both read alike in the deployment's log.
    """
    own = logging.getLogger("score")
    own.setLevel(logging.INFO)
    own.propagate = False
    formatter = logging.Formatter("%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    own.handlers = [handler]
    # One blob read is forty lines at INFO, and would push our line out of the log's tail.
    logging.getLogger("azure").setLevel(logging.WARNING)
    return own


log = _own_logger()


class BadPayload(ValueError):
    """The request's body is not what ``run()`` takes; the text says what is wrong and is shown to the caller."""


def _setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise RuntimeError(f"{name} is not set. Set it in the deployment's environment variables.")
    return value


def _client_id() -> str | None:
    # Set for a user-assigned identity only; an empty value stands for "system-assigned".
    return os.environ.get("UAI_CLIENT_ID") or None


def principal(token: str) -> str:
    """Return the object id (else the application id) that an access token was issued to, without trusting the token.

    The token itself is never logged. "unknown" when it is not a readable JWT.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("oid") or claims.get("appid") or "unknown")
    except (IndexError, AttributeError, ValueError, binascii.Error):
        return "unknown"


def _log_blob(text: str, way: str, reader: str) -> None:
    shown = repr(text[:LOGGED_CHARACTERS])
    more = f"... ({len(text)} characters)" if len(text) > LOGGED_CHARACTERS else ""
    log.info("Blob contains: %s%s (read by %s as principal %s)", shown, more, way, reader)


def identity_token() -> str:
    """Return an access token for storage from the deployment's identity endpoint (``MSI_ENDPOINT``), by REST."""
    endpoint, secret = os.environ.get("MSI_ENDPOINT"), os.environ.get("MSI_SECRET")
    if not endpoint or not secret:
        raise RuntimeError("MSI_ENDPOINT and MSI_SECRET are not set: the endpoint has no managed identity.")
    query = {"api-version": IDENTITY_API_VERSION, "resource": STORAGE}
    client_id = _client_id()
    if client_id:
        query["clientid"] = client_id
    answer = requests.get(endpoint, params=query, headers={"secret": secret, "Metadata": "true"}, timeout=TIMEOUT)
    if not answer.ok:
        whose = f"client id {client_id}" if client_id else "the system-assigned identity"
        raise requests.HTTPError(f"{answer.status_code}: no token for {whose}: {answer.text[:500]}", response=answer)
    return str(answer.json()["access_token"])


def read_by_rest(account: str, container: str, file: str) -> str:
    """Return the blob's text, read by the REST operation Get Blob.

    Raises:
        requests.HTTPError: storage refused; the text has the status, Azure's error code and the principal.
    """
    token = identity_token()
    with requests.Session() as session:
        session.mount("https://", requests.adapters.HTTPAdapter(max_retries=AGAIN))
        answer = session.get(
            f"https://{account}.blob.core.windows.net/{quote(container)}/{quote(file)}",
            headers={"Authorization": f"Bearer {token}", "x-ms-version": BLOB_API_VERSION},
            timeout=TIMEOUT,
        )
    reader = principal(token)
    if not answer.ok:
        code = answer.headers.get("x-ms-error-code", answer.reason)
        raise requests.HTTPError(
            f"{answer.status_code}: {code}: principal {reader} could not read {container}/{file} in {account}",
            response=answer,
        )
    text = answer.content.decode("utf-8", errors="replace")
    _log_blob(text, "REST", reader)
    return text


def read_by_sdk(account: str, container: str, file: str) -> str:
    """Return the blob's text, read by azure-storage-blob with azure-identity's managed identity credential."""
    with ManagedIdentityCredential(client_id=_client_id()) as credential:
        blob = BlobClient(
            f"https://{account}.blob.core.windows.net", container_name=container, blob_name=file, credential=credential
        )
        with blob:
            text = blob.download_blob().readall().decode("utf-8", errors="replace")
        # Answered from the credential's cache: the token that has just read the blob.
        reader = principal(credential.get_token(f"{STORAGE}/.default").token)
    _log_blob(text, "SDK", reader)
    return text


def init() -> None:
    """Load the model and read the blob. Called once by the inference server before it takes requests."""
    global model
    model = joblib.load(Path(_setting("AZUREML_MODEL_DIR")) / MODEL_FILE)
    log.info("Model loaded: %s", type(model).__name__)
    place = (_setting("STORAGE_ACCOUNT_NAME"), _setting("STORAGE_CONTAINER_NAME"), _setting("FILE_NAME"))
    log.info("Reading blob %s/%s in account %s", place[1], place[2], place[0])
    read_by_rest(*place)
    read_by_sdk(*place)
    log.info("Init complete")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def rows_of(raw_data: str | bytes, features: int | None) -> list[list[float]]:
    """Return the rows of a request body ``{"data": [[...], ...]}``; ``features`` is the model's number of columns.

    Raises:
        BadPayload: the body is not of that form.
    """
    try:
        body = json.loads(raw_data)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict) or "data" not in body:
        raise BadPayload('The body must be a JSON object with the key "data".')
    rows = body["data"]
    if not isinstance(rows, list) or not rows:
        raise BadPayload('"data" must be a list of one or more rows.')
    for number, row in enumerate(rows):
        if not isinstance(row, list):
            raise BadPayload(f"Row {number} must be a list of numbers.")
        if features is not None and len(row) != features:
            raise BadPayload(f"Row {number} has {len(row)} values; the model takes {features}.")
        for column, value in enumerate(row):
            if not _is_number(value):
                raise BadPayload(f"Row {number}, value {column} must be a finite number.")
    return rows


def run(raw_data: str) -> Any:
    """Return one prediction per row as a list of numbers; a bad body is answered with 400 and what is wrong with it."""
    try:
        rows = rows_of(raw_data, getattr(model, "n_features_in_", None))
    except BadPayload as error:
        # The server's own Flask; the SDK's invoke wants an object under "error".
        from flask import Response

        log.warning("Bad request: %s", error)
        answer = json.dumps({"error": {"code": "BadPayload", "message": str(error)}})
        return Response(answer, status=400, mimetype="application/json")
    predictions = model.predict(rows).tolist()
    log.info("Scored %d rows", len(rows))
    return predictions
