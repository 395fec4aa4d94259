"""What a change of a plan says of the difference, and which steps it brings, of plans alone."""

from __future__ import annotations

import msgspec

from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.engine.mending import mend
from mi_tui.engine.steps import mended
from mi_tui.model.plan import Action, Plan, ResourceKind
from tests.screens.plans import a_plan


def changed(plan: Plan, key: str, **more: object) -> Plan:
    """The plan with one resource otherwise."""
    resources = tuple(msgspec.structs.replace(item, **more) if item.key == key else item for item in plan.resources)
    return msgspec.structs.replace(plan, resources=resources)


def made(kind: ResourceKind, resource_id: str, name: str, verdict: Verdict = Verdict.CREATED) -> LedgerEntry:
    return LedgerEntry(resource_id, kind, name, verdict, "test")


def test_what_was_used_and_is_gone_is_told_before_it_is_made() -> None:
    new = a_plan()
    old = changed(new, "container", action=Action.USE)
    assert mend._difference(old, new) == ["+ create container inputs (it was used, and is not there any more)"]
    assert mend._difference(new, new) == []


def test_another_name_tells_the_old_one() -> None:
    old = a_plan()
    endpoint = old.resource("endpoint")
    new = changed(old, "endpoint", name="ep-other", id=endpoint.id.replace("ep-demo", "ep-other"))
    assert "+ create online endpoint ep-other (was ep-demo)" in mend._difference(old, new)


def test_what_bills_under_another_name_is_deleted_and_the_rest_is_left_to_clean_up() -> None:
    plan = a_plan()
    front = plan.resource("endpoint").id
    old = front.replace("ep-demo", "ep-old")
    ledger = [
        made(ResourceKind.DEPLOYMENT, f"{old}/deployments/blue", "blue"),
        made(ResourceKind.ENDPOINT, old, "ep-old"),
        made(ResourceKind.ENDPOINT, front.replace("ep-demo", "ep-gone"), "ep-gone", Verdict.REMOVED),
        made(ResourceKind.ENDPOINT, front.upper(), "ep-demo"),
        made(ResourceKind.STORAGE_ACCOUNT, "/acc-old", "stold"),
        made(ResourceKind.GRANT, "/grant-old", "a role"),
    ]
    assert [entry.name for entry in mended.left_behind(plan, ledger)] == ["ep-old", "blue"]
    assert mend._kept_lines(plan, ledger) == [
        "= the storage account stold, which this run made, stays until clean-up; 'mi-tui down' removes it"
    ]


def test_the_steps_that_changes_bring_stand_before_what_needs_them() -> None:
    plan = a_plan()
    steps = mend._with_steps(plan.steps, ("Microsoft.Cdn", "Microsoft.Cdn"), edit=True, leaving=True)
    needs = {step.id: step.needs for step in steps}
    assert [step.id for step in steps][:3] == ["register-Microsoft.Cdn", "conda-file", "leave-behind"]
    assert "register-Microsoft.Cdn" in needs["endpoint"]
    assert "leave-behind" in needs["deployment"]
    assert len(steps) == len(plan.steps) + 3
    told = mend._told(msgspec.structs.replace(plan, steps=steps))
    assert told.registers == ("Microsoft.Cdn",)
    assert told.warnings[-1].startswith("The run registers Microsoft.Cdn with the subscription first; it stays")
    assert mend._told(told).warnings == told.warnings
