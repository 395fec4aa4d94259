"""`mi-tui explain`: offline, three paragraphs, exit code 2 with what is near for what is not known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mi_tui.cli.main import cli
from mi_tui.guide import explaining, rules

ROOT = Path(__file__).parents[2]


def ask(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["explain", *words])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    "words",
    [("AcrPull",), ("SAI",), ("system-assigned",), ("OutOfQuota",), ("ResourceNotReady",), ("propagation",), ("Storage", "Blob", "Data", "Reader")],
    ids=" ".join,
)  # fmt: skip
def test_a_word_is_told_as_a_title_and_three_paragraphs(words: tuple[str, ...]) -> None:
    code, said = ask(*words)
    assert code == 0
    assert len(said.strip().split("\n\n")) == 4


def test_every_code_that_a_rule_knows_is_explained_in_three_paragraphs() -> None:
    known = {code for _rule, signs in rules.prepared() for sign in signs for code in sign.codes}
    for code in known - {"AADSTS"}:
        found = explaining.explain(code)
        assert found is not None, code
        assert len(found[1]) == 3
        assert all(paragraph and "{" not in paragraph for paragraph in found[1]), code
    assert explaining.explain("AADSTS50076") is not None


def test_a_rule_is_explained_by_its_name() -> None:
    for rule in rules.load().rules:
        found = explaining.explain(rule.id)
        assert found is not None
        assert len(found[1]) == 3
        assert all(paragraph and "{" not in paragraph for paragraph in found[1]), rule.id
    assert ask("storage-role-missing")[0] == 0


def test_json_has_the_same() -> None:
    code, said = ask("--json", "AcrPull")
    told = json.loads(said)
    assert code == 0
    assert told["title"] == "AcrPull"
    assert len(told["paragraphs"]) == 3


def test_an_unknown_word_names_the_nearest_and_ends_with_2() -> None:
    code, said = ask("propagaton")
    assert code == 2
    assert "propagation" in said
    assert ask("\x1b[31mxyzzy")[0] == 2
    assert "\x1b" not in ask("\x1b[31mxyzzy")[1]


def test_without_a_word_it_lists_them() -> None:
    code, said = ask()
    assert code == 0
    listed = " ".join(said.split())
    assert all(word in listed for word in ("AcrPull", "SAI", "ScopeLocked", "mi-tui/vanished"))


def test_it_imports_nothing_of_azure() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom mi_tui.cli.main import cli\nCliRunner().invoke(cli, ['explain', 'ScopeLocked'])\n"
        "print([m for m in sys.modules if m.split('.')[0] in {'azure', 'requests', 'textual'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
