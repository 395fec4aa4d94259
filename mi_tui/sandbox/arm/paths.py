"""What a path of Resource Manager is about: its resource, and the name of the operation, as rights and logs tell it."""

from __future__ import annotations

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"


def resource_of(method: str, path: str) -> tuple[str, str]:
    """The id of the resource that a request is about and the operation, such as `Microsoft.Storage/storageAccounts/write`.

    A POST is an action of the resource before its last segment.
    """
    parts = path.strip("/").split("/")
    verb = _VERBS.get(method)
    if verb is None:
        verb, parts = f"{parts[-1]}/action", parts[:-1]
    resource = "/" + "/".join(parts)
    lowered = [part.lower() for part in parts]
    if "providers" not in lowered:
        kind = _GROUPS if "resourcegroups" in lowered else "Microsoft.Resources/subscriptions"
        return resource, f"{kind}/{verb}"
    last = len(lowered) - 1 - lowered[::-1].index("providers")
    return resource, "/".join([*parts[last + 1 : last + 2], *parts[last + 2 :: 2], verb])
