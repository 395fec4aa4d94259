"""The measured process of `tests.bench.arm`: a sandbox, and beside it, in the same process, a bare starlette route on the same TLS.

Prints one line of JSON when both are open, and lives until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Import everything first, so that what a start costs can be told from what imports cost."""
    began = time.perf_counter()
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from mi_tui.sandbox import app, entra, graph, inference, server, telemetry
    from mi_tui.sandbox.blob import service
    from mi_tui.sandbox.hosting import deployments, identity_endpoint
    from mi_tui.sandbox.lease import Life
    from mi_tui.sandbox.logs import SandboxLog
    from mi_tui.sandbox.paths import make_private
    from mi_tui.sandbox.store import Resource
    from mi_tui.sandbox.tokens import ARM

    app.load_handlers()
    assert all((entra, graph, inference, telemetry, service, deployments, identity_endpoint))
    imports = time.perf_counter() - began

    home, count = Path(sys.argv[1]), int(sys.argv[2])
    make_private(home)

    async def run() -> None:
        start = time.perf_counter()
        sandbox = server.Sandbox(home, None, "azure", "none", SandboxLog(home), Life(persistent=True))
        await sandbox.start()
        ready = time.perf_counter() - start
        facts = json.loads((home / "connection.json").read_text())
        group = f"/subscriptions/{facts['subscription']}/resourceGroups/{facts['resource_group']}"
        workspace = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{facts['workspace']}"
        kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
        store = sandbox.world.store
        for total in (count // 10, count) if count else ():
            endpoint = f"{workspace}/onlineEndpoints/bench-{total}"
            store.put(Resource(endpoint, kind, f"bench-{total}", {"id": endpoint, "properties": {}, "tags": {}}))
            with store.together():
                for number in range(total):
                    identifier = f"{endpoint}/deployments/d{number:05}"
                    settings = {
                        "provisioningState": "Succeeded",
                        "instanceType": "Standard_DS3_v2",
                        "filler": "x" * 1500,
                    }
                    body = {
                        "id": identifier,
                        "name": f"d{number:05}",
                        "type": f"{kind}/deployments",
                        "properties": settings,
                    }
                    store.put(Resource(identifier, f"{kind}/deployments", f"d{number:05}", body))
        # Azure's buckets would end the measurement; nothing else of it changes.
        from mi_tui.sandbox.arm import limits

        limits.BUCKETS.update(dict.fromkeys(limits.BUCKETS, (10**9, 1e6)))
        account = next(iter(store.resources("Microsoft.Storage/storageAccounts")))
        content = json.dumps(account.body, separators=(",", ":")).encode()

        async def bare(request: Request) -> Response:
            return Response(content, media_type="application/json")

        listener = server._listen(0)
        await sandbox._run("bare port", Starlette(routes=[Route("/bare", bare)]), listener, sandbox._tls)
        principal = store.principal_by_client(facts["client_id"])
        assert principal is not None
        ports = [one.servers[0].sockets[0].getsockname()[1] for one, _ in sandbox._servers]
        told = {
            "imports": imports, "ready": ready, "arm_port": ports[1], "bare_port": ports[2], "account": account.id, "workspace": workspace,
            "ca": facts["ca_file"], "token": sandbox.world.issuer.mint(principal, ARM)[0], "group": group,
        }  # fmt: skip
        print(json.dumps(told), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await sandbox.stop()

    asyncio.run(run())


if __name__ == "__main__":
    main()
