"""Answers files of any content: refused with every fault named, or taken; never anything else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.model.answers_rules import AnswersError
from mi_tui.workflow import Workflow

KEY = "A" * 86 + "=="

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.dates() | st.binary(max_size=8)
)
_fields = st.sampled_from(
    [
        *Answers.__struct_fields__,
        "kind",
        "name",
        "account",
        "container",
        "blob",
        "model",
        "code",
        "conda",
        "subscription",
    ]
)
_trees = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_fields | st.text(max_size=8) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    return Workflow(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def good(workflow: Workflow) -> dict[str, Any]:
    return dict(msgspec.to_builtins(workflow.example_answers(IdentityKind.UAI)))


def judged(workflow: Workflow, content: bytes) -> AnswersError | Answers:
    path = workflow.home / "answers.yaml"
    path.write_bytes(content)
    try:
        return workflow.read_answers(path)
    except AnswersError as error:
        found = error
    assert found.faults
    assert all(fault.place and fault.words.strip() for fault in found.faults)
    return found


# Without shrinking, which takes minutes here: each example reads files.
_often = settings(
    max_examples=60,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_often
@given(content=st.binary(max_size=400))
def test_random_bytes(workflow: Workflow, content: bytes) -> None:
    assert isinstance(judged(workflow, content), AnswersError)


@_often
@given(tree=st.dictionaries(_fields, _trees, max_size=6))
def test_random_structures(workflow: Workflow, tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    assert isinstance(judged(workflow, text.encode("utf-8", "surrogatepass")), AnswersError)


Change = tuple[str, Callable[[dict[str, Any]], None]]


def _set(place: str, value: object) -> Change:
    def work(answers: dict[str, Any]) -> None:
        *above, last = place.split(".")
        for name in above:
            answers = answers[name]
        answers[last] = value

    return place, work


def _drop(place: str) -> Change:
    def work(answers: dict[str, Any]) -> None:
        section, _, name = place.partition(".")
        del answers[section][name]

    return place, work


FAULTY: list[Change] = [
    _set("workspace.subscription", "not-a-guid"),
    _drop("workspace.name"),
    _set("workspace.resource_group", "ends.with."),
    _set("identity.kind", "sia"),
    _set("identity.nmae", "id-one"),
    _set("identity.resource_group", 7),
    _set("storage.account", "Upper_Case"),
    _set("storage.container", "a--b"),
    _set("storage.blob", "folder/"),
    _set("storage.upload", "nowhere/hello.txt"),
    _set("storage.scope", "everything"),
    _set("endpoint.name", "1"),
    _set("deployment.model", "/nowhere/model"),
    _set("deployment.conda", "\x00"),
    _set("deployment.scoring_script", "../score.py"),
    _set("deployment.instance_count", 0),
    _set("deployment.image", " "),
    _set("deployment.environment_variables.FILE_NAME", "mine"),
    _set("deployment.environment_variables.STORAGE", f"AccountName=a;AccountKey={KEY}"),
    _set("request", "~nobody-with-this-name/request.json"),
    _set("grants", ["make"]),
    _set("tags.a<b", "x"),
    _set("tags.token", "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQifQ.c2ln"),
]
"""Each change makes exactly one field wrong; several together must each be named."""


@_often
@given(chosen=st.sets(st.integers(0, len(FAULTY) - 1), min_size=1, max_size=8))
def test_every_fault_of_an_almost_valid_file_is_named(
    workflow: Workflow, good: dict[str, Any], chosen: set[int]
) -> None:
    answers = copy.deepcopy(good)
    for number in chosen:
        FAULTY[number][1](answers)
    error = judged(workflow, yaml.safe_dump(answers, allow_unicode=True).encode())
    assert isinstance(error, AnswersError)
    assert {fault.place for fault in error.faults} == {FAULTY[number][0] for number in chosen}
    assert KEY not in str(error)


@_often
@given(places=st.lists(st.sampled_from([f"{a}.{b}" for a, b in [
    ("workspace", "name"), ("identity", "name"), ("storage", "account"), ("storage", "container"), ("storage", "blob"), ("storage", "upload"),
    ("endpoint", "name"), ("deployment", "name"), ("deployment", "model"), ("deployment", "code"), ("deployment", "conda"),
    ("deployment", "scoring_script"), ("deployment", "image"), ("deployment", "instance_type"), ("deployment", "instance_count"),
]]), min_size=1, max_size=4), data=st.data())  # fmt: skip
def test_almost_valid_files_with_anything_in_some_fields(
    workflow: Workflow, good: dict[str, Any], places: list[str], data: st.DataObject
) -> None:
    answers = copy.deepcopy(good)
    for place in places:
        _set(place, data.draw(_scalars | st.text(max_size=300) | st.just("x" * 5000)))[1](answers)
    found = judged(workflow, yaml.safe_dump(answers, allow_unicode=True).encode("utf-8", "surrogatepass"))
    if isinstance(found, Answers):
        assert Path(found.deployment.model).exists()
    else:
        assert {fault.place for fault in found.faults} <= {*places, "the file", "deployment.scoring_script"}


def test_the_good_one_is_taken(workflow: Workflow, good: dict[str, Any]) -> None:
    assert isinstance(judged(workflow, yaml.safe_dump(good).encode()), Answers)
