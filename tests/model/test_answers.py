"""Reading answers: every fault at once with its place, and files that say the same after a round trip."""

import re

import msgspec
import pytest

from mi_tui.model.answers import Answers, Deployment, Endpoint, Identity, IdentityKind, Storage, Workspace, to_yaml
from mi_tui.model.answers_file import parse, template
from mi_tui.model.answers_rules import AnswersError

GOOD = Answers(
    workspace=Workspace("11111111-2222-3333-4444-555555555555", "rg-ml-dev", "ml-dev"),
    storage=Storage("stmitui01", upload="hello.txt"),
    endpoint=Endpoint("ep-1"),
    deployment=Deployment("model", "code", "conda.yaml", environment_variables={"MODE": "yes", "EMPTY": "", "N": "1"}),
    request="r.json",
    tags={"owner": "ü: #x"},
)
UAI = msgspec.structs.replace(GOOD, identity=Identity(IdentityKind.UAI, "id-1", "rg-ids"))


@pytest.mark.parametrize("answers", [GOOD, UAI], ids=["sai", "uai"])
@pytest.mark.parametrize("write", [template, to_yaml])
def test_what_is_written_reads_the_same(answers: Answers, write) -> None:
    assert parse(write(answers)) == answers


def test_the_template_explains_every_field() -> None:
    text = template(UAI)
    for kind in (Answers, Workspace, Storage, Endpoint, Deployment, Identity):
        for field in kind.__struct_fields__:
            line = re.search(rf"(.*)\n\s*(?:# )?{field}:", text)
            assert line, field
            assert line.group(1).lstrip().startswith("#"), field


def faults(text: str) -> dict[str, str]:
    with pytest.raises(AnswersError) as caught:
        parse(text)
    return {fault.place: str(fault) for fault in caught.value.faults}


def test_every_fault_of_shape_is_listed_with_its_line() -> None:
    found = faults(
        "workspace:\n  subscription: 1\n  resource_group: r\n  nam: x\n"
        "storage: {account: stx01}\nendpoint: ep-1\n"
        "deployment: {model: m, code: c, conda: x, instance_count: 0}\nidentity: {kind: sia}\nextra: 1\n"
    )
    assert set(found) == {
        "workspace.nam", "workspace.name", "workspace.subscription", "endpoint", "deployment.instance_count", "identity.kind", "extra",
    }  # fmt: skip
    assert "line 4" in found["workspace.nam"]
    assert "did you mean 'name'" in found["workspace.nam"]
    assert "sai, uai" in found["identity.kind"]


def test_every_bad_name_is_listed_with_the_rule() -> None:
    bad = msgspec.structs.replace(
        GOOD,
        storage=Storage("Bad_Name", container="a--b"),
        endpoint=Endpoint("1"),
        identity=Identity(IdentityKind.UAI),
        deployment=Deployment("m", "c", "x", environment_variables={"1X": "", "FILE_NAME": "x"}),
    )
    found = faults(template(bad))
    assert set(found) == {
        "storage.account", "storage.container", "endpoint.name", "identity.name",
        "deployment.environment_variables.1X", "deployment.environment_variables.FILE_NAME",
    }  # fmt: skip
    assert "3 to 24 lower-case letters and digits" in found["storage.account"]


@pytest.mark.parametrize(
    "text", ["", "- 1\n", "a: [1\n", "a: &a [*a]\n", "a: !!python/object:os.system x\n", "\x00", "{" * 5000]
)
def test_what_is_no_answers_file_is_a_fault_and_no_traceback(text: str) -> None:
    assert faults(text)


def test_a_system_assigned_identity_has_no_name() -> None:
    assert "identity" in faults(template(msgspec.structs.replace(GOOD, identity=Identity(IdentityKind.SAI, "id-1"))))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("tags: {}", "tags: {'a<b': x}", "tags.a<b"),
        ("tags: {}", "tags: {mi-tui-run: x}", "tags.mi-tui-run"),
        ("tags: {}", "tags: {cost: 5}", "tags"),
        ("grants: make", "grants: make\ngrants: skip", "grants"),
        ("scoring_script: score.py", "scoring_script: ../score.py", "deployment.scoring_script"),
        ("scoring_script: score.py", "scoring_script: /score.py", "deployment.scoring_script"),
        ("scoring_script: score.py", "scoring_script: ' '", "deployment.scoring_script"),
        ("tags: {}", "tags: &t {again: *t}", "tags"),
        ("tags: {}", "tags: 2026-13-45", "the file"),
    ],
)
def test_what_azure_or_the_disk_would_refuse_later_is_said_now(old: str, new: str, place: str) -> None:
    text = to_yaml(
        Answers(
            Workspace("11111111-2222-3333-4444-555555555555", "rg", "ml-dev"),
            Storage("stone"),
            Endpoint("ep-one"),
            Deployment("m", "c", "x.yaml"),
        )
    )
    assert old in text
    parse(text)
    with pytest.raises(AnswersError) as caught:
        parse(text.replace(old, new))
    assert place in [fault.place for fault in caught.value.faults]


def test_half_a_character_is_said_with_its_place() -> None:
    text = to_yaml(msgspec.structs.replace(GOOD, tags={"team": "red", "who": "me"}))
    text = text.replace("team: red", 'team: "r\\ud800d"').replace("who: me", '"wh\\udc00": me')
    with pytest.raises(AnswersError) as caught:
        parse(text)
    said = [str(fault) for fault in caught.value.faults]
    assert [fault.split(": ")[0].split(", ")[1] for fault in said] == ["tags.team", "tags.wh?"], said
    assert all("half a character" in fault and fault.startswith("line ") for fault in said)
    "".join(said).encode()
    whole = to_yaml(msgspec.structs.replace(GOOD, tags={"team": "red"})).replace("team: red", 'team: "\\U0001F600"')
    assert parse(whole).tags == {"team": "\U0001f600"}
