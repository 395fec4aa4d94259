"""User delegation SAS made by hand in a world, for tests that have no socket."""

from __future__ import annotations

import time
from urllib.parse import quote

from mi_tui.sandbox.blob.delegation import key_of
from mi_tui.sandbox.blob.sas import sign
from mi_tui.sandbox.containers import account_by_name
from mi_tui.sandbox.world import World


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def delegated_query(world: World, account: str, container: str, principal: str, letters: str, **changed: str) -> str:
    """The query of a container's SAS that a principal (by name) signs; `changed` is changed before it is signed."""
    query = {
        "sp": letters, "st": moment(-60), "se": moment(600), "skoid": f"00000000-0000-0000-0000-{principal:0>12}",
        "sktid": world.issuer.tenant, "skt": moment(-60), "ske": moment(3600), "sks": "b", "skv": "2021-12-02",
        "spr": "https", "sv": "2021-12-02", "sr": "c", **changed,
    }  # fmt: skip
    first = [query.get(name, "") for name in ("sp", "st", "se")]
    names = (
        "skoid",
        "sktid",
        "skt",
        "ske",
        "sks",
        "skv",
        "saoid",
        "suoid",
        "scid",
        "sip",
        "spr",
        "sv",
        "sr",
        "snapshot",
        "ses",
    )
    rest = [query.get(name, "") for name in (*names, "rscc", "rscd", "rsce", "rscl", "rsct")]
    string = "\n".join([*first, f"/blob/{account}/{container}", *rest])
    found = account_by_name(world, account)
    assert found is not None
    query["sig"] = sign(key_of(world.store, query, found), string)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
