"""All scenes by name, and the sizes each is taken in."""

from __future__ import annotations

from dataclasses import dataclass

from tests.screens.snapshots import asking, dialogs, mending, running, signing, troubleshooting
from tests.screens.snapshots.camera import Scene, Size

BOTH: tuple[Size, ...] = ((80, 24), (120, 40))
SMALL: tuple[Size, ...] = ((80, 24),)


@dataclass(frozen=True)
class Take:
    """A scene and the sizes of its pictures."""

    play: Scene
    sizes: tuple[Size, ...] = BOTH


SCENES: dict[str, Take] = {
    "welcome": Take(asking.welcome),
    "sign-in": Take(signing.sign_in),
    "workspace": Take(asking.workspace),
    "identity": Take(asking.identity_step),
    "storage": Take(asking.storage),
    "model": Take(asking.model),
    "review": Take(running.review),
    "deploy": Take(running.deploy),
    "failed": Take(running.failed),
    "mending": Take(mending.mending),
    "troubleshoot": Take(troubleshooting.troubleshoot),
    "endpoint": Take(running.endpoint),
    "cleanup": Take(running.cleanup),
    "dialogs": Take(dialogs.dialogs),
    "light": Take(asking.light, SMALL),
    "light-deploy": Take(running.light_deploy, SMALL),
    "sixteen": Take(asking.sixteen, SMALL),
    "sixteen-deploy": Take(running.sixteen_deploy, SMALL),
}
