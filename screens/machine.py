"""The row in which the machine is chosen: type and number, with list price and quota, those that fit first."""

from __future__ import annotations

import re

from textual.message import Message

from mi_tui.model import instances, names
from mi_tui.model.capacity import QUOTA_HELP, Capacity, Fit
from mi_tui.model.draft import Draft
from mi_tui.model.marks import marks
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker, PickerItem
from mi_tui.widgets.section import Section

COUNT = names.NameRule("count", re.compile("[1-9]|[1-4][0-9]|50"), "1 to 50")

_COUNT = "deployment.instance_count"
"""The answer that the number is, as faults name it."""

_EMPTY = "No instance type is known. Type one's name and press Enter, or press Ctrl+R to ask Azure again."


class MachineSection(Section):
    """Instance type and count of a draft. Its owner asks for the capacity and hands it to `take`."""

    class Changed(Message):
        """The draft says another machine."""

    def __init__(self, draft: Draft, *, id: str) -> None:
        super().__init__("Machine", id=id)
        self._draft = draft
        self._capacity: Capacity | None = None
        self._type = Field(
            "Its name",
            rule=names.INSTANCE_TYPE,
            value=draft.instance_type,
            hint="Its cores and price are not known here.",
            id="other-type",
        )
        count = draft.kept(_COUNT, str(draft.instance_count))
        self._count = Field("How many", rule=COUNT, value=count, id="instance-count")
        self.picker = Picker(
            f"Types, list prices {instances.PRICES_READ}", empty=_EMPTY, create="Another one", id="instances"
        )
        self._inside += [self.picker, self._type, self._count]

    def on_mount(self) -> None:
        super().on_mount()
        self._type.display = not self._known(self._draft.instance_type)
        self.show()

    def take(self, capacity: Capacity) -> None:
        """What the region has came."""
        self._capacity = capacity
        if not self._type.has_focus_within:
            self._type.display = not self._known(self._draft.instance_type)
        self.picker.set_items(self.picker.items)
        self.show()

    # ---- what is shown

    def show(self) -> None:
        """Draw the list and the row."""
        found = sorted(self._names(), key=self._order)
        self.picker.update_items([self._item(name) for name in found])
        wanted = self._draft.instance_type.lower()
        self.picker.select(next((name for name in found if name.lower() == wanted), None))
        self._say()

    def _names(self) -> list[str]:
        known = {kind.name.lower(): kind.name for kind in instances.all_types()}
        sizes = self._capacity.sizes if self._capacity else ()
        return list(({size.name.lower(): size.name for size in sizes} | known).values())

    def _known(self, name: str) -> bool:
        return any(name.lower() == known.lower() for known in self._names())

    def _order(self, name: str) -> tuple[int, float, int, str]:
        """Those that fit first; then those that managed endpoints are known to admit, by price."""
        kind, size = instances.find(name), self._capacity.size(name) if self._capacity else None
        price = kind.usd_per_hour if kind else float("inf")
        return self._rank(name), price, size.cores if size else 0, name.lower()

    def _rank(self, name: str) -> int:
        if self._capacity is not None and self._capacity.absent(name):
            return 3
        fit = self._fit(name)
        return 1 if fit is None or fit.fits is None else 0 if fit.fits else 2

    def _fit(self, name: str) -> Fit | None:
        return (self._capacity or Capacity("")).fit(name, self._draft.instance_count)

    def _item(self, name: str) -> PickerItem:
        kind, size, fit = instances.find(name), self._capacity.size(name) if self._capacity else None, self._fit(name)
        quota = f"needs {fit.needs} cores" if fit else ""
        mark = ""
        if self._capacity is not None:
            if self._capacity.absent(name):
                quota, mark = f"not in {self._capacity.location}", marks()["failed"]
            elif fit is None or fit.fits is None:
                mark, quota = "?", f"{quota}, quota not told"
            else:
                mark = marks()["done" if fit.fits else "warning"]
                quota = f"{'fits' if fit.fits else 'too little'}: needs {fit.needs}, {fit.free} free"
        price = f"{kind.usd_per_hour * self._draft.instance_count:.2f} USD/h" if kind else "price not known"
        cores, memory = (size.cores, size.memory_gib) if size else (kind.cores, kind.memory_gib) if kind else (0, 0.0)
        gpus = f", {size.gpus} GPU{'s' if size.gpus > 1 else ''}" if size and size.gpus else ""
        return PickerItem(name, name, f"{quota} · {price} · {cores} cores, {memory:g} GiB{gpus}", mark)

    def _say(self) -> None:
        draft = self._draft
        many = f"{draft.instance_type} × {draft.instance_count}"
        wrong = self._type if self._type.display and self._type.fault else self._count
        if wrong.fault:
            self.say(many, f"{wrong.label}: {wrong.fault}", "fault")
            return
        kind, fit = instances.find(draft.instance_type), self._fit(draft.instance_type)
        price = f"≈ {kind.usd_per_hour * draft.instance_count:.2f} USD/h" if kind else "price not known here"
        if self._capacity is not None and self._capacity.absent(draft.instance_type):
            self.say(many, f"is not in {self._capacity.location}'s list: take another type", "warn")
        elif fit is None:
            self.say(many, price)
        elif fit.free is None:
            self.say(many, f"{price} · quota: {fit.needs} cores")
        elif fit.fits:
            self.say(many, f"{price} · {fit.needs} of {fit.free} free cores {marks()['done']}")
        else:
            self.say(many, f"{price} · {fit.words}: {QUOTA_HELP}", "warn")

    # ---- what is chosen

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        self._draft.instance_type = event.key
        self._type.display = False
        self._say()
        self._count.focus()
        self.post_message(self.Changed())

    def on_picker_create_new(self, event: Picker.CreateNew) -> None:
        event.stop()
        self._type.display = True
        self._type.value = event.text or self._draft.instance_type
        self._type.focus()

    def on_field_changed(self, event: Field.Changed) -> None:
        event.stop()
        draft, value = self._draft, event.value
        if event.field is self._count:
            draft.instance_count = int(value) if event.valid else draft.instance_count
            draft.keep(_COUNT, value, "" if event.valid else "How many: 1 to 50.")
        elif event.field.display:
            draft.instance_type = value
        self.show()
        self.post_message(self.Changed())

    def on_field_paused(self, event: Field.Paused) -> None:
        event.stop()
