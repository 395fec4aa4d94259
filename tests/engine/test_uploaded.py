"""What was uploaded of the person's files: what is told of a difference, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mi_tui.engine.mending.uploaded import MADE_FROM, changed_since, content, differences
from mi_tui.engine.planner import PlanError
from mi_tui.model.answers import Deployment

SCRIPT = "def init(): pass\n\n\ndef run(data): return data\n"


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A code folder with three files, one of which is not uploaded, and a model of one file."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "score.py").write_text(SCRIPT)
    (code / "helper.py").write_text("X = 1\n")
    (code / "notes.txt").write_text("mine")
    (code / ".amlignore").write_text("notes.txt\n")
    (tmp_path / "model.pkl").write_bytes(b"model")
    return Deployment(model=str(tmp_path / "model.pkl"), code=str(code), conda="conda.yaml")


def facts(deployment: Deployment) -> dict[str, str]:
    return {
        MADE_FROM["code"]: content(Path(deployment.code)),
        MADE_FROM["model"]: content(Path(deployment.model)),
    }


def test_the_files_that_differ_are_named_and_those_that_are_not_uploaded_do_not_count(deployment: Deployment) -> None:
    code, before = Path(deployment.code), facts(deployment)
    (code / "notes.txt").write_text("other")
    with pytest.raises(PlanError, match="is as it was when it was uploaded") as refused:
        differences("code", deployment, before)
    assert "resume the run" in refused.value.failures[0].advice
    assert not changed_since(code, before[MADE_FROM["code"]])
    (code / "score.py").write_text(f"{SCRIPT}# mended\n")
    (code / "helper.py").unlink()
    (code / "more.py").touch()
    assert changed_since(code, before[MADE_FROM["code"]])
    head, *rest = differences("code", deployment, before)
    assert head == f"The folder with the scoring script is uploaded again, as it is now: {code}"
    assert rest == ["~ score.py is other than it was", "+ more.py is new", "- helper.py is gone"]


def test_of_many_files_some_are_named_and_of_very_many_one_hash_is_kept(deployment: Deployment) -> None:
    code, before = Path(deployment.code), facts(deployment)
    for number in range(9):
        (code / f"more{number}.py").touch()
    assert differences("code", deployment, before)[-1] == "and 4 more files"
    for number in range(1000):
        (code / f"data{number}.csv").touch()
    assert len(content(code)) < 100
    assert len(differences("code", deployment, before)) == 1
    with pytest.raises(PlanError, match="as it was"):
        differences("code", deployment, facts(deployment))


def test_what_is_not_known_of_an_upload_is_not_in_its_way(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, before = Path(deployment.code), facts(deployment)
    assert len(differences("code", deployment, {})) == 1
    assert not changed_since(code, "")
    # As in a version of azure-ai-ml that has it elsewhere.
    monkeypatch.delattr("azure.ai.ml._utils._asset_utils.get_upload_files_from_folder")
    assert content(code) == ""
    assert len(differences("code", deployment, before)) == 1
    assert not changed_since(code, before[MADE_FROM["code"]])


def test_a_model_of_one_file_is_told_by_its_content(deployment: Deployment) -> None:
    before = facts(deployment)
    with pytest.raises(PlanError, match="The model is as it was"):
        differences("model", deployment, before)
    Path(deployment.model).write_bytes(b"other")
    assert differences("model", deployment, before)[1:] == ["~ model.pkl is other than it was"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def init(): pass\ndef run(data:\n", r"score.py is no valid Python, line 2: .*: def run\(data:"),
        ("def init(): pass\n", r"has no run\(\)"),
        ("AccountKey = 'AccountKey=" + "A" * 86 + "==\n", r"line 1: .*\*\*\*"),
        (None, "there is no file"),
    ],
)
def test_a_script_that_would_fail_is_refused_with_its_line(
    deployment: Deployment, text: str | None, words: str
) -> None:
    script = Path(deployment.code, "score.py")
    script.unlink() if text is None else script.write_text(text)
    with pytest.raises(PlanError, match=words) as refused:
        differences("code", deployment, facts(deployment))
    assert "A" * 40 not in str(refused.value)


def test_files_that_are_gone_are_refused_and_noted_as_unknown(deployment: Deployment, tmp_path: Path) -> None:
    Path(deployment.model).unlink()
    assert content(Path(deployment.model)) == ""
    with pytest.raises(PlanError, match="there is no"):
        differences("model", deployment, {})
