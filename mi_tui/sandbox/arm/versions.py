"""The api-versions of the resource types that the sandbox has, and ARM's refusal of all others.

From the folders of Azure/azure-rest-api-specs and, for Microsoft.Resources, from the list in ARM's own refusal (Azure/azure-cli
issue 28038). A version that is newer than the newest one here is taken until its date has come: this list ages, and clients do not.
"""

from __future__ import annotations

import datetime as dt
import re

from mi_tui.sandbox.errors import GATEWAY, ArmError

_SHAPE = re.compile(r"(\d{4}-\d{2}-\d{2})(-[a-z]+(\.\d+)?)?", re.IGNORECASE | re.ASCII)

_TABLE = """
microsoft.resources
    2014-01-01 2014-04-01-preview 2014-04-01 2015-01-01 2015-11-01 2016-02-01 2016-06-01 2016-07-01 2016-09-01
    2017-03-01 2017-05-01 2017-05-10 2017-06-01 2017-08-01 2017-12-01 2018-01-01 2018-02-01 2018-05-01 2018-06-01
    2018-07-01 2018-08-01 2018-09-01 2018-11-01 2019-03-01 2019-05-01 2019-05-10 2019-06-01 2019-07-01 2019-08-01
    2019-09-01 2019-10-01 2019-11-01 2020-01-01 2020-05-01 2020-06-01 2020-07-01 2020-08-01 2020-09-01 2020-10-01
    2021-01-01 2021-04-01 2022-01-01 2022-03-01-preview 2022-05-01 2022-06-01 2022-09-01 2022-11-01-preview 2022-12-01
    2023-03-01-preview 2023-07-01-preview 2023-07-01
microsoft.authorization
    2014-04-01-preview 2014-07-01-preview 2014-10-01-preview 2015-01-01 2015-05-01-preview 2015-06-01 2015-07-01 2016-07-01
    2016-09-01 2017-04-01 2017-05-01 2017-09-01 2017-10-01-preview 2018-01-01-preview 2018-05-01-preview 2018-07-01 2018-07-01-preview
    2018-09-01-preview 2018-12-01-preview 2019-04-01-preview 2019-08-01-preview 2020-03-01-preview 2020-04-01-preview 2020-05-01
    2020-08-01-preview 2020-10-01 2020-10-01-preview 2021-01-01-preview 2021-03-01-preview 2021-04-01-preview
    2021-07-01-preview 2021-12-01-preview 2022-01-01-preview 2022-04-01-preview 2022-04-01 2022-05-01-preview
    2022-06-01 2022-08-01-preview
microsoft.containerregistry
    2016-06-27-preview 2017-03-01 2017-06-01-preview 2017-10-01 2018-02-01-preview 2018-09-01 2019-04-01 2019-05-01
    2019-05-01-preview 2019-06-01-preview 2019-12-01-preview 2020-11-01-preview 2021-06-01-preview 2021-08-01-preview
    2021-09-01 2021-12-01-preview 2022-02-01-preview 2022-12-01 2023-01-01-preview 2023-06-01-preview 2023-07-01
    2023-08-01-preview 2023-11-01-preview 2024-11-01-preview 2025-03-01-preview 2025-04-01
microsoft.insights
    2014-04-01 2014-08-01 2014-12-01-preview 2015-04-01 2015-05-01 2017-03-01-preview 2018-05-01-preview 2020-02-02-preview 2020-02-02
microsoft.keyvault
    2015-06-01 2016-10-01 2018-02-14-preview 2018-02-14 2019-09-01 2020-04-01-preview 2021-04-01-preview
    2021-06-01-preview 2021-10-01 2021-11-01-preview 2022-02-01-preview 2022-07-01 2022-11-01 2023-02-01 2023-07-01
    2024-04-01-preview 2024-11-01 2024-12-01-preview 2025-05-01
microsoft.machinelearningservices
    2018-03-01-preview 2018-11-19 2019-05-01 2019-06-01 2019-11-01 2020-01-01 2020-02-18-preview 2020-03-01 2020-04-01
    2020-04-01-preview 2020-05-01-preview 2020-05-15-preview 2020-06-01 2020-08-01 2020-09-01-preview
    2020-12-01-preview 2021-01-01 2021-03-01-preview 2021-04-01 2021-07-01 2021-10-01 2021-10-01-dataplanepreview
    2022-01-01-preview 2022-02-01-preview 2022-05-01 2022-06-01-preview 2022-10-01-preview 2022-10-01
    2022-12-01-preview 2023-02-01-preview 2023-04-01-preview 2023-04-01 2023-06-01-preview 2023-08-01-preview
    2023-10-01 2024-01-01-preview 2024-04-01-preview 2024-04-01 2024-07-01-preview 2024-10-01-preview 2024-10-01
    2025-01-01-preview 2025-04-01-preview 2025-04-01 2025-06-01 2025-07-01-preview 2025-09-01
microsoft.managedidentity
    2015-08-31-preview 2018-11-30 2021-09-30-preview 2022-01-31-preview 2023-01-31 2023-07-31-preview 2024-11-30
    2025-01-31-preview
microsoft.operationalinsights
    2015-03-20 2015-11-01-preview 2017-01-01-preview 2017-03-03-preview 2017-03-15-preview 2017-04-26-preview 2020-03-01-preview
    2020-08-01 2020-10-01 2021-06-01 2021-12-01-preview 2022-10-01 2023-09-01 2025-02-01
microsoft.storage
    2015-05-01-preview 2015-06-15 2016-01-01 2016-05-01 2016-12-01 2017-06-01 2017-10-01 2018-02-01 2018-03-01-preview
    2018-07-01 2018-11-01 2019-04-01 2019-06-01 2020-08-01-preview 2021-01-01 2021-02-01 2021-04-01 2021-05-01
    2021-06-01 2021-08-01 2021-09-01 2022-05-01 2022-09-01 2023-01-01 2023-04-01 2023-05-01 2024-01-01 2024-08-01-preview 2025-01-01
    2025-06-01
"""


def _read(table: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    namespace = ""
    for line in table.strip().splitlines():
        if line.startswith(" "):
            found[namespace] = (*found.get(namespace, ()), *line.split())
        else:
            namespace = line
    return found


VERSIONS = _read(_TABLE)
"""Namespace in lower case -> its api-versions, oldest first. One list a namespace: which type came with which version is not told."""


def newest_first(namespace: str) -> list[str]:
    """A namespace's versions as ARM lists them; [] for an unknown one."""
    return list(reversed(VERSIONS.get(namespace.lower(), ())))


def known(namespace: str, version: str) -> bool:
    """Whether ARM takes a version for the types of a namespace."""
    listed = VERSIONS.get(namespace.lower(), ())
    if version.lower() in listed:
        return True
    date = _date(version)
    newest = max((_date(one) or dt.date.min for one in listed), default=dt.date.min)
    return date is not None and newest < date <= dt.datetime.now(dt.UTC).date()


def require_some(version: str | None) -> str:
    """The sent version. ARM's 400 without one (public transcripts)."""
    if not version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
            headers=dict(GATEWAY),
        )
    return version


def require_known(namespace: str, type_: str, version: str, location: str | None, locations: list[str]) -> None:
    """ARM's refusal of a version: three codes, all from public transcripts.

    ARM's own operations: `InvalidApiVersionParameter`. A type of a provider: `NoRegisteredProviderFound` where a region is known
    (Azure/azure-cli issues 28496, 26639), else `InvalidResourceType` (Azure/acs-engine issue 4037). Which of the two a list
    gets is a guess.
    """
    if known(namespace, version):
        return
    supported = newest_first(namespace)
    if namespace.lower() == "microsoft.resources" or _date(version) is None:
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(supported)}'.",
            headers=dict(GATEWAY),
        )
    if location is not None:
        raise ArmError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{location}' and API version '{version}' for type '{type_}'. "
            f"The supported api-versions are '{', '.join(supported)}'. The supported locations are '{', '.join(locations)}'.",
            headers=dict(GATEWAY),
        )
    raise ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{type_}' could not be found in the namespace '{namespace}' for api version '{version}'. "
        f"The supported api-versions are '{','.join(reversed(supported))}'.",
        headers=dict(GATEWAY),
    )


def _date(version: str) -> dt.date | None:
    found = _SHAPE.fullmatch(version)
    if found is None:
        return None
    try:
        return dt.date.fromisoformat(found[1])
    except ValueError:
        return None
