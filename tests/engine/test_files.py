"""The local files that answers name are read far enough to find what Azure would find minutes later."""

from pathlib import Path

import msgspec
import pytest

from mi_tui.engine.files import resolve
from mi_tui.model.answers import Answers, Deployment, Endpoint, Storage, Workspace
from mi_tui.model.answers_rules import AnswersError

ANSWERS = Answers(
    Workspace("s", "g", "w"),
    Storage("st", upload="hello.txt"),
    Endpoint("ep"),
    Deployment("model", "code", "conda.yaml"),
    request="r.json",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m.pkl").write_bytes(b"m")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    (tmp_path / "conda.yaml").write_text("dependencies:\n  - pip:\n    - azureml-inference-server-http\n")
    (tmp_path / "hello.txt").write_text("hello")
    (tmp_path / "r.json").write_text("{}")
    return tmp_path


def places(folder: Path) -> set[str]:
    with pytest.raises(AnswersError) as caught:
        resolve(ANSWERS, folder)
    return {fault.place for fault in caught.value.faults}


def test_paths_become_absolute(folder: Path) -> None:
    found = resolve(ANSWERS, folder)
    assert found.deployment.model == str(folder / "model")
    assert found.storage.upload == str(folder / "hello.txt")
    assert resolve(found, Path("/elsewhere")) == found


def test_all_missing_files_are_listed_at_once(tmp_path: Path) -> None:
    assert places(tmp_path) == {"deployment.model", "deployment.code", "deployment.conda", "storage.upload", "request"}


@pytest.mark.parametrize(
    ("file", "content", "place"),
    [
        ("code/score.py", "def init(: pass", "deployment.scoring_script"),
        ("code/score.py", "def init(): pass", "deployment.scoring_script"),
        ("code/score.py", "\x00", "deployment.scoring_script"),
        ("conda.yaml", "dependencies:\n  - numpy\n", "deployment.conda"),
        ("conda.yaml", "[", "deployment.conda"),
        ("conda.yaml", "name: x\n", "deployment.conda"),
        ("r.json", "{", "request"),
    ],
)
def test_files_that_cannot_work_are_faults(folder: Path, file: str, content: str, place: str) -> None:
    (folder / file).write_text(content)
    assert places(folder) == {place}


def test_a_script_may_import_its_functions(folder: Path) -> None:
    (folder / "code" / "score.py").write_text("from helper import init, run\n")
    assert msgspec.structs.replace(resolve(ANSWERS, folder))
