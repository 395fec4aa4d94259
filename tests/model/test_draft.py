"""The draft of the answers: what is missing is told per stage, and complete drafts and answers say the same."""

import msgspec
import pytest

from mi_tui.model.answers import IdentityKind
from mi_tui.model.answers_rules import AnswersError
from mi_tui.model.draft import ASKED, Draft, Stage, stage_of
from tests.model.test_answers import GOOD, UAI


@pytest.mark.parametrize("answers", [GOOD, UAI], ids=["sai", "uai"])
def test_a_draft_of_answers_says_the_same(answers) -> None:
    draft = Draft.of(answers)
    assert draft.answers() == answers
    assert all(draft.complete(stage) for stage in ASKED)


def test_an_empty_draft_says_what_each_stage_lacks() -> None:
    draft = Draft()
    assert [stage for stage in ASKED if not draft.complete(stage)] == [Stage.WORKSPACE, Stage.STORAGE, Stage.MODEL]
    with pytest.raises(AnswersError):
        draft.answers()
    draft.kind = IdentityKind.UAI
    assert not draft.complete(Stage.IDENTITY)


def test_every_fault_belongs_to_a_stage_that_asks() -> None:
    draft = msgspec.structs.replace(
        Draft.of(UAI), account="X", identity="-", endpoint="1", subscription="s", model="", instance_count=0
    )
    stages = {stage_of(fault) for fault in draft.faults()}
    assert stages == set(ASKED)


def test_what_was_typed_for_the_other_kind_of_identity_is_kept() -> None:
    draft = Draft.of(UAI)
    draft.kind = IdentityKind.SAI
    assert draft.answers().identity.name is None
    draft.kind = IdentityKind.UAI
    assert draft.answers() == UAI


def test_suggestions_fill_only_what_is_empty() -> None:
    draft = Draft(endpoint="mine")
    draft.suggest("abc123")
    assert (draft.endpoint, draft.account) == ("mine", "stmituiabc123")
