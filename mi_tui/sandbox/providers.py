"""Which resource providers a subscription is registered with."""

from __future__ import annotations

import time

from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.world import World

ALWAYS_REGISTERED = frozenset({"microsoft.authorization", "microsoft.resources"})

FOR_ENDPOINTS = ("Microsoft.MachineLearningServices", "Microsoft.PolicyInsights", "Microsoft.Cdn")
"""What a subscription needs for its first online endpoint (public issue mslearn-mlops#72, 2026-09)."""


def registration(world: World, subscription: Resource, namespace: str) -> str:
    """Whether a provider is `Registered`, `Registering`, `Unregistering` or `NotRegistered` in a subscription."""
    name = namespace.lower()
    if name in ALWAYS_REGISTERED or name not in subscription.private.get("unregistered", []):
        return "Registered"
    seconds = world.profile.storage_account
    since = subscription.private.get("registering", {}).get(name)
    if since is not None:
        return "Registered" if time.time() >= since + seconds else "Registering"
    left = subscription.private.get("unregistering", {}).get(name)
    return "Unregistering" if left is not None and time.time() < left + seconds else "NotRegistered"


def register(world: World, subscription: Resource, namespace: str) -> None:
    """Begin to register a provider, unless it is registered or about to be."""
    if registration(world, subscription, namespace) in {"NotRegistered", "Unregistering"}:
        subscription.private.setdefault("registering", {})[namespace.lower()] = time.time()
        world.store.put(subscription)


def unregister(world: World, subscription: Resource, namespace: str) -> None:
    """Begin to unregister a provider, unless it is not registered."""
    name = namespace.lower()
    if registration(world, subscription, namespace) in {"Registered", "Registering"}:
        private = subscription.private
        private.setdefault("registering", {}).pop(name, None)
        private.setdefault("unregistering", {})[name] = time.time()
        private["unregistered"] = sorted({*private.get("unregistered", []), name})
        world.store.put(subscription)
