"""How long things take: the same states in the same order, at three speeds."""

from __future__ import annotations

from dataclasses import dataclass

_ENDPOINT = 92.0
"""Seconds that an endpoint takes in Azure, the median of public field reports."""


@dataclass(frozen=True)
class Profile:
    """Durations in seconds. `poll_ms` goes into `x-ms-retry-after-ms`; None leaves the client to its own interval, as Azure does.
    `sign_in_poll` is how often a client may ask whether a device code was entered."""

    name: str
    storage_account: float
    endpoint: float
    traffic: float
    endpoint_delete: float
    deployment_delete: float
    image_build: float
    image_pull: float
    model_download: float
    role_propagation: float
    directory_replication: float
    poll_ms: int | None
    sign_in_poll: float = 5.0
    endpoint_settling: float = 0.0
    """How long the service goes on changing an endpoint after it was made: nothing can be deployed to it meanwhile."""
    name_release: float = 0.0
    """How long the name of a deleted endpoint is still held by the region's front."""
    container_delete: float = 0.0
    """How long a deleted container still has its name: Azure refuses another one of it meanwhile."""

    @property
    def speed(self) -> float:
        """How many times faster than Azure's this time goes, roughly: what an endpoint takes there, over what it takes here."""
        return _ENDPOINT / self.endpoint if self.endpoint else 1000.0


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("instant", 0.1, 0.1, 0.05, 0.1, 0.05, 0.0, 0.0, 0.0, 0.2, 0.0, 50, 1.0, container_delete=0.1),
        Profile("demo", 3.0, 5.0, 2.0, 3.0, 2.0, 3.0, 1.5, 1.0, 3.0, 1.0, 500, container_delete=3.0),
        # Medians of public field reports; the tutorial says 8 to 14 minutes for a first deployment.
        # A deleted container's name is "at least 30 seconds" away (Delete Container).
        Profile("azure", 21.0, _ENDPOINT, 15.0, 60.0, 30.0, 300.0, 60.0, 20.0, 60.0, 15.0, None, container_delete=30.0),
    )
}
