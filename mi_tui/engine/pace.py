"""The clock of a run, and the wish to stop it."""

from __future__ import annotations

import threading
from dataclasses import dataclass


class Stop(threading.Event):
    """The wish to stop. `cancelled` tells a person's "cancel" from "leave it running"."""

    cancelled = False


@dataclass(frozen=True)
class Pace:
    """The clock of a run, in seconds. Each bound has its reason; the sandbox goes by shorter ones where its own time is shorter."""

    grant_wait: float = 30.0
    """From the last grant that the deployment needs at its beginning to asking for it. Roles act within 30 s to 2 minutes as a rule
    (public field reports), and a deployment needs them a few minutes after it was asked for: more would be waited for nothing."""
    propagation: float = 600.0
    """How long a role may take to act: "up to 10 minutes" (Troubleshoot Azure RBAC). The last try of a deployment waits for so old grants."""
    young_grant: float = 900.0
    """A grant older than this is not why something is refused: `propagation` and half of it again, for a deployment that began before."""
    deployment_tries: int = 3
    """A try takes 8 to 14 minutes in Azure and bills: one at once, one after `retry_wait`, one when the grants must act."""
    retry_wait: float = 60.0
    log_poll: float = 10.0
    state_poll: float = 5.0
    endpoint_settle: float = 900.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    """The pauses between two tries of a step, doubled each time from the first to the longest (Azure's "Retry storm antipattern")."""
    told_pause: float = 5.0
    """A first pause shorter than this is a status only; a longer one, or a second, is worth a notice."""
    network_patience: float = 1800.0
    """A router that starts anew or a name service that is gone comes back within minutes; after half an hour somebody has to look."""
    busy_patience: float = 600.0
    """An outage of the service is longer, or over: Azure's own guidance gives transient faults seconds to a few minutes."""
    throttled_patience: float = 3600.0
    """ARM's longest window in which requests are counted is an hour (Understand how Azure Resource Manager throttles requests)."""
    reading_patience: float = 120.0
    """Before a run begins, a person waits for it and nothing is under way: longer is theirs to decide."""
    cancelling_patience: float = 600.0
    """After a person said "cancel": what is not deleted goes on billing, but they wait for the end."""
    calm: float = 30.0
    """When it has gone well for so long after a pause, the next failure is another trouble."""
    most_tries: int = 100
    """Of one step, whatever happens in between."""
    absent_looks: int = 3
    """How often clean-up looks before it takes for gone what it has not deleted itself."""
    absent_pause: float = 2.0
    """Between those looks: a read may come from a replica that is seconds behind."""
    look: float = 0.8
    """How long a failure may wait for what is read of the world to explain it; what has not answered by then is not known."""
    capacity_look: float = 1_200.0
    """After this long a deployment is asked whether it has a machine at all: it usually takes 8 to 14 minutes, and one that waits for
    a machine says nothing (public field reports)."""
