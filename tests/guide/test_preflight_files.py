"""Local files as preflight reads them: conda file, scoring script, which files of the model it opens, variables."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from azure.core.credentials import AccessToken

from mi_tui.guide.preflight import local_files, script
from mi_tui.guide.preflight.finding import Finding
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.answers import Answers, Deployment, Endpoint, Storage, Workspace
from mi_tui.model.check import CheckStatus
from mi_tui.services.session import Session

OK, WARNING, FAILED, SKIPPED = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.FAILED, CheckStatus.SKIPPED
GOOD = "def init():\n    pass\n\ndef run(data):\n    return data\n"


class Nobody:
    """A credential that is never asked."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise AssertionError("local files need no token")


def reads(folder: Path, **changes: object) -> Reads:
    """The reads of answers whose files lie in a folder; nothing is read of Azure."""
    for name in ("code", "model"):
        (folder / name).mkdir(exist_ok=True)
    answers = Answers(
        workspace=Workspace("11111111-2222-3333-4444-555555555555", "rg", "ws"),
        storage=Storage("stdemo"),
        endpoint=Endpoint("ep-demo"),
        deployment=Deployment(str(folder / "model"), str(folder / "code"), str(folder / "conda.yaml")),
    )
    deployment = msgspec.structs.replace(answers.deployment, **changes)
    return Reads(
        Session(Nobody(), "11111111-2222-3333-4444-555555555555"),
        msgspec.structs.replace(answers, deployment=deployment),
    )


def conda(folder: Path, text: str) -> tuple[Finding, Finding]:
    (folder / "conda.yaml").write_text(text)
    made = reads(folder)
    return local_files.conda(made), local_files.server(made)


PIP = "  - pip:\n    - azureml-inference-server-http"


@pytest.mark.parametrize(
    ("text", "file", "server"),
    [
        (f"dependencies:\n  - python=3.11\n{PIP}\n", OK, OK),
        (f"dependencies:\n  - conda-forge::python=3.12.*\n{PIP}==1.5.1  # pinned\n", OK, OK),
        (f"dependencies:\n  - python>=3.8\n{PIP}~=1.4\n", OK, OK),
        (f"dependencies:\n  - python=3\n{PIP}>=0.4\n", OK, OK),
        (f"dependencies:\n  - python>=3.6\n{PIP}!=0.4.13\n", OK, OK),
        (f"dependencies:\n  - python>=3.6,<3.8\n{PIP}<0.7\n", FAILED, WARNING),
        (f"dependencies:\n  - python~=3.7\n{PIP}~=0.4.1\n", OK, WARNING),
        (f"dependencies:\n  - python=3.7\n{PIP}\n", FAILED, OK),
        (f"dependencies:\n  - python 3.6.2\n{PIP}\n", FAILED, OK),
        (f"dependencies:\n  - python=3.11\n{PIP}==0.4.13\n", OK, WARNING),
        (f"dependencies:\n  - python=3.11\n{PIP}==0.4.13\n    - flask<2.1\n", OK, OK),
        ("dependencies:\n  - python=3.11\n  - pip:\n    - azureml-defaults==1.60\n", OK, OK),
        ("dependencies:\n  - python=3.11\n  - azureml_inference_server_http\n", OK, OK),
        ("dependencies:\n  - python=3.11\n  - pip:\n    - numpy\n", OK, FAILED),
        ("dependencies:\n  - python=3.11\n  - pip:\n    - -r requirements.txt\n", OK, SKIPPED),
        ("dependencies:\n  - pip:\n", OK, FAILED),
        ("dependencies: numpy\n", FAILED, SKIPPED),
        ("a: [1\n", FAILED, SKIPPED),
        ("- 1\n", FAILED, SKIPPED),
    ],
)
def test_a_conda_file(tmp_path: Path, text: str, file: CheckStatus, server: CheckStatus) -> None:
    found = conda(tmp_path, text)
    assert (found[0].status, found[1].status) == (file, server)


def test_a_conda_file_tells_what_to_add_and_where_it_breaks(tmp_path: Path) -> None:
    _, missing = conda(tmp_path, "dependencies:\n  - python=3.11\n")
    assert missing.change is not None
    assert missing.change.values == ("azureml-inference-server-http",)
    broken, _ = conda(tmp_path, "name: x\ndependencies: [\n")
    assert "line 3" in broken.evidence
    (tmp_path / "conda.yaml").unlink()
    assert local_files.conda(reads(tmp_path)).status is FAILED


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (GOOD, OK, "defines init() and run()"),
        ("from served import init, run\n", OK, ""),
        ("import x as init\nrun = lambda data: data\n", OK, ""),
        ("try:\n    from a import init\nexcept ImportError:\n    def init(): pass\n\ndef run(data, more=1): ...\n", OK, ""),
        ("def init(): pass\n@input_schema('a', 1)\n@input_schema('b', 2)\ndef run(a, b): ...\n", OK, ""),
        ("def init(): pass\ndef run(*data): ...\n", OK, ""),
        ("from served import *\n", SKIPPED, "imports everything"),
        ("def init(): pass\n", FAILED, "defines no run()"),
        ("class Model:\n    def init(self): pass\n    def run(self, data): pass\n", FAILED, "defines no init() and no run()"),
        ("def init(path): pass\ndef run(data): pass\n", FAILED, "line 1: init() cannot be called with no arguments"),
        ("def init(): pass\ndef run(): pass\n", FAILED, "line 2: run() cannot be called with 1 argument."),
        ("def init(): pass\ndef run(data, *, how): pass\n", FAILED, "run() cannot be called"),
        ("def init():\n    x = (\n", FAILED, "line 2: this is no Python"),
        ("\0", FAILED, "this is no Python"),
    ],
)  # fmt: skip
def test_a_scoring_script(tmp_path: Path, text: str, status: CheckStatus, words: str) -> None:
    made = reads(tmp_path)
    (tmp_path / "code" / "score.py").write_text(text)
    found = script.script(made)
    assert found.status is status, found.evidence
    assert words in found.evidence


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("p = os.path.join(os.getenv('AZUREML_MODEL_DIR'), 'model/a.pkl')", ["model/a.pkl"]),
        ("p = os.path.join(os.environ['AZUREML_MODEL_DIR'], 'model', NAME)\nNAME = 'a.pkl'", ["model/a.pkl"]),
        ("p = Path(os.environ.get('AZUREML_MODEL_DIR')) / 'model' / 'a.pkl'", ["model/a.pkl"]),
        ("d = os.environ['AZUREML_MODEL_DIR']\nopen(f'{d}/model/a.pkl')", ["model/a.pkl"]),
        ("d = setting('AZUREML_MODEL_DIR')\nopen(d + '/model/a.pkl')\nopen(d + '/model/b.pkl')", ["model/a.pkl", "model/b.pkl"]),
        ("d = Path(os.environ['AZUREML_MODEL_DIR']).joinpath('model')\nload(str(d / 'a.pkl'))", ["model/a.pkl"]),
        ("d = os.environ['AZUREML_MODEL_DIR']\nload(os.path.join(d, sys.argv[1]))", []),
        ("n = 'a' if x else 'b'\nload(os.path.join(os.environ['AZUREML_MODEL_DIR'], n))", []),
        ("n = 'a'\nn = 'b'\nload(os.path.join(os.environ['AZUREML_MODEL_DIR'], n))", []),
        ("load('model/a.pkl')", []),
        ("', '.join(['a'])\n'-'.join(x)", []),
    ],
)  # fmt: skip
def test_which_files_a_script_opens(text: str, opens: list[str]) -> None:
    assert script.opened(ast.parse(text)) == opens


def test_a_model_that_the_script_does_not_find(tmp_path: Path) -> None:
    made = reads(tmp_path)
    text = GOOD + "\nimport os\nload(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'model/modell.pkl'))\n"
    (tmp_path / "code" / "score.py").write_text(text)
    assert "no file in it" in script.model(made).evidence
    (tmp_path / "model" / "model.pkl").write_bytes(b"x")
    lost = script.model(made)
    assert lost.status is FAILED
    assert "model/modell.pkl" in lost.evidence
    assert "model/model.pkl" in lost.advice
    (tmp_path / "model" / "modell.pkl").write_bytes(b"x")
    assert script.model(made).status is OK
    alone = reads(tmp_path, model=str(tmp_path / "model" / "model.pkl"))
    assert script.model(alone).status is FAILED, "a file lies there under its own name, without its folder's"
    (tmp_path / "code" / "score.py").write_text(GOOD)
    assert script.model(made).status is SKIPPED


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("blue", OK),
        ("a < b > c", OK),
        ("storage_place_holder", FAILED),
        ("<your account>", FAILED),
        ("${{secrets.KEY}}", FAILED),
        ("${{azureml://connections/c/credentials/key}}", WARNING),
        ("${{keyvault:https://v.vault.azure.net/secrets/s}}", WARNING),
    ],
)
def test_a_variable(tmp_path: Path, value: str, status: CheckStatus) -> None:
    assert local_files.variables(reads(tmp_path, environment_variables={"X": value})).status is status
