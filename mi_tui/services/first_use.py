"""Models of the Azure SDKs that two threads use for the first time at one moment.

The newer packages work out what a class of theirs holds when its first object is made, without a lock (`Model.__new__` in their
`_utils/model_base.py`; azure-mgmt-storage 25.3, azure-ai-ml 1.35). A second thread can then meet half of it, and gets a bare dict where
an object should be: `'dict' object has no attribute 'default_action'`. Of 400 fresh processes with four threads each, 31 met it.
Steps and checks run side by side, so the first objects are made one at a time here.

All of that is private to the packages; one that has it otherwise is left as it is.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

_lock = threading.RLock()
_KEPT = "_mi_tui_one_at_a_time"


def one_at_a_time() -> None:
    """Have the models of every SDK that is imported by now worked out in one thread at a time. May be called again."""
    for name, module in list(sys.modules.items()):
        if name.startswith("azure.") and name.rpartition(".")[2] in {"model_base", "_model_base"}:
            model = getattr(module, "Model", None)
            if model is not None and "_calculated" in vars(model) and not hasattr(model, _KEPT):
                _keep(model)


def _keep(model: Any) -> None:
    plain = model.__new__

    def new(cls: type[Any], *args: Any, **options: Any) -> Any:
        with _lock:
            return plain(cls, *args, **options)

    model.__new__ = new
    setattr(model, _KEPT, True)
