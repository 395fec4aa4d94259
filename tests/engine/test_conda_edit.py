"""A conda file that gets more in it: what is added, what is replaced, and that everything else stays byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from mi_tui.engine.mending import conda_file
from mi_tui.engine.mending.conda import with_requirements
from mi_tui.services.errors import ServiceError

FILE = """\
# What the model was trained with.
name: mine   # the name
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip=25.1  # pip itself
  - numpy=2.3.1
  # the rest comes from PyPI
  - pip:
      - azure-identity==1.27.0   # signs in

      - requests
variables:
  - kept
"""
SERVER = "azureml-inference-server-http"


def test_a_requirement_is_added_after_the_last_one_of_pip() -> None:
    changed = with_requirements(FILE, [SERVER])
    assert changed == FILE.replace("      - requests\n", f"      - requests\n      - {SERVER}\n")
    assert yaml.safe_load(changed)["dependencies"][-1]["pip"][-1] == SERVER


def test_a_pin_takes_the_place_of_the_packages_line_and_its_comment_stays() -> None:
    changed = with_requirements(FILE, ["azure_identity==1.28.0", "numpy==2.4"])
    assert "      - azure_identity==1.28.0   # signs in\n" in changed
    assert "  - numpy=2.4\n" in changed, "conda pins with one equals sign"
    assert with_requirements(FILE, ["python==3.12"]) == FILE.replace("python=3.11", "python=3.12")


def test_a_package_without_a_version_is_there_already_whatever_its_pin() -> None:
    changed = with_requirements(FILE, ["Requests"])
    assert changed == FILE.replace("name: mine   # the name", "name: mine-2   # the name"), (
        "another file, so built anew"
    )
    assert with_requirements(changed, ["requests"]).splitlines()[1] == "name: mine-3   # the name"


def test_a_file_without_a_list_for_pip_gets_one() -> None:
    text = "dependencies:\n- python=3.10\n- numpy"
    changed = with_requirements(text, [SERVER])
    assert changed == f"dependencies:\n- python=3.10\n- numpy\n- pip\n- pip:\n    - {SERVER}\n"
    assert with_requirements("dependencies:\n- python\n", ["python"]) == "name: scoring-2\ndependencies:\n- python\n"


def test_line_ends_and_quotes_stay() -> None:
    text = 'dependencies:\r\n  - "numpy=1.0"\r\n  - pip:\r\n    - requests\r\n'
    changed = with_requirements(text, ["numpy==2.0", SERVER])
    assert changed == text.replace("numpy=1.0", "numpy=2.0") + f"    - {SERVER}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "dependencies: [python=3.11, {pip: [requests]}]\n",
        "- a\n",
        "dependencies:\n  - pip: []\n",
        "dependencies: {}\n",
        ": :\n  - {",
        "x: &a [1]\ndependencies: *a\n",
    ],
)
def test_a_file_that_is_laid_out_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        with_requirements(text, [SERVER])
    assert refused.value.code == "mi-tui/conda-file"
    assert refused.value.failure.advice.endswith("then resume.")


@pytest.mark.parametrize(
    "wanted", ["", "--index-url https://example.org", "a b", "x @ https://example.org/x.whl", "a\n- b"]
)
def test_only_requirements_are_taken(wanted: str) -> None:
    with pytest.raises(ServiceError, match="is no requirement"):
        with_requirements(FILE, [wanted])


def test_the_text_before_is_kept_under_a_name_that_nothing_has(tmp_path: Path) -> None:
    path = tmp_path / "conda.yaml"
    path.write_text(FILE)
    path.chmod(0o640)
    (tmp_path / "conda.before-mi-tui.yaml").write_text("somebody's")
    edit, before, after = conda_file.plan_edit(str(path), (SERVER,))
    assert (before, path.read_text()) == (FILE, FILE), "nothing is changed by looking"
    said = conda_file.carry_out(edit)
    assert "conda.before-mi-tui-2.yaml" in said
    assert path.read_text() == after == with_requirements(FILE, [SERVER])
    assert (tmp_path / "conda.before-mi-tui-2.yaml").read_text() == FILE
    assert (tmp_path / "conda.before-mi-tui.yaml").read_text() == "somebody's"
    assert path.stat().st_mode & 0o777 == 0o640
    assert conda_file.carry_out(edit) == "was changed already", "a resumed run comes here again"
    assert sorted(os.listdir(tmp_path)) == ["conda.before-mi-tui-2.yaml", "conda.before-mi-tui.yaml", "conda.yaml"]


def test_what_somebody_changed_since_it_was_shown_stays(tmp_path: Path) -> None:
    path = tmp_path / "conda.yaml"
    path.write_text(FILE)
    edit, _, _ = conda_file.plan_edit(str(path), (SERVER,))
    path.write_text(FILE + "# by hand\n")
    assert "taken as it is" in conda_file.carry_out(edit)
    assert path.read_text() == FILE + "# by hand\n"


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="cannot be read"):
        conda_file.plan_edit(str(tmp_path / "none.yaml"), (SERVER,))


def test_the_example_that_comes_with_mi_tui_is_never_changed(tmp_path: Path) -> None:
    example = tmp_path / "scoring" / "environment" / "conda.yaml"
    example.parent.mkdir(parents=True)
    example.write_text(FILE)
    aside = conda_file.Aside(tmp_path / "scoring", tmp_path / "home" / "mended")
    edit, _, after = conda_file.plan_edit(str(example), (SERVER,), aside)
    assert "the example stays as it is" in conda_file.carry_out(edit)
    assert example.read_text() == FILE
    assert Path(edit.path).read_text() == after
    assert Path(edit.path).parent == tmp_path / "home" / "mended"
    assert conda_file.carry_out(edit) == "was written already"
    again, _, _ = conda_file.plan_edit(str(example), (SERVER,), aside)
    assert again.path != edit.path, "an earlier one stays"
    own, _, _ = conda_file.plan_edit(edit.path, ("numpy==2.4",), aside)
    assert own.path == edit.path, "a copy is the person's"
