"""Every rule against the text that it was made for, against texts that it must not match, and against the rest of the rules."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_tui.guide import conditions, facts, reading, rules
from mi_tui.guide.case import Case, GrantState, World
from mi_tui.guide.diagnose import UNKNOWN, diagnose
from mi_tui.guide.rules import Rule
from mi_tui.model.capacity import Fit
from mi_tui.model.diagnosis import ChangeKind, Confidence, Diagnosis
from mi_tui.model.failure import Failure

HERE = Path(__file__).parent
TEXTS: list[dict[str, Any]] = yaml.safe_load((HERE / "texts.yaml").read_text())
OTHERS: list[dict[str, Any]] = yaml.safe_load((HERE / "other_texts.yaml").read_text())
RULES = rules.load().rules


def _case(entry: dict[str, Any]) -> Case:
    world = dict(entry.get("world", {}))
    if "grants" in world:
        world["grants"] = tuple(GrantState(**grant) for grant in world["grants"])
    if "fit" in world:
        world["fit"] = Fit(*world["fit"])
    if "fitting" in world:
        world["fitting"] = tuple(world["fitting"])
    return Case(
        failure=msgspec.convert(entry["failure"], Failure) if "failure" in entry else None,
        text=entry.get("text", ""),
        logs={name: tuple(lines.splitlines()) for name, lines in entry.get("logs", {}).items()},
        states=entry.get("states", {}),
        world=World(**world),
    )


def _name(entry: dict[str, Any]) -> str:
    return f"{entry['rule']}, {entry['source']}"[:70]


@pytest.mark.parametrize("entry", TEXTS, ids=_name)
def test_a_rule_comes_first_for_its_text(entry: dict[str, Any]) -> None:
    found = diagnose(_case(entry))
    assert [one.rule for one in found][: len(entry.get("first", [1]))] == entry.get("first", [entry["rule"]])
    first = found[0]
    assert first.evidence
    assert all(one.text and one.source for one in first.evidence)
    assert first.fixes
    if "confidence" in entry:
        assert first.confidence == entry["confidence"]
    if "change" in entry:
        changes = [[fix.change.kind.value, *fix.change.values] for fix in first.fixes if fix.change]
        assert entry["change"] in changes
    if "evidence" in entry:
        assert entry["evidence"] in [one.text for one in first.evidence]
    assert set(entry.get("support", [])) <= {one.text for one in first.support}


def test_every_rule_has_a_text() -> None:
    assert {rule.id for rule in RULES} == {entry["rule"] for entry in TEXTS}


@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: entry["what"])
def test_a_text_of_something_else_is_not_taken_for_a_failure_that_is_known(entry: dict[str, Any]) -> None:
    found = diagnose(_case(entry))
    assert [one.rule for one in found] == entry.get("rules", [UNKNOWN])


# ---- the file


def test_ids_are_unique_and_every_catalogue_id_is_covered_or_said_not_to_be_detectable() -> None:
    table = rules.load()
    assert len({rule.id for rule in RULES}) == len(RULES)
    covered = {reference for rule in RULES for reference in rule.catalogue}
    assert covered <= set(table.catalogue)
    assert not covered & set(table.not_detectable)
    assert covered | set(table.not_detectable) == set(table.catalogue)
    assert all(reason.strip() for reason in table.not_detectable.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_whole(rule: Rule) -> None:
    assert rule.source
    assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", rule.date)
    assert rule.signs
    assert rule.fixes
    assert all(link.startswith("https://") for link in rule.links)
    assert rule.links or rule.id.startswith("own-")
    if rule.confidence is not Confidence.CERTAIN and not rule.fallback and rule.confidence is Confidence.POSSIBLE:
        assert rule.question, "what is only possible asks the next question"
    for name in (*rule.certain, *rule.doubtful, *rule.never, *(name for sign in rule.signs for name in sign.world)):
        conditions.check(name, Case())
    order = [other.id for other in RULES]
    for other in rule.over:
        assert order.index(other) > order.index(rule.id), f"{rule.id} stands below {other}, which is more general"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_all_that_a_template_names_is_known_or_has_a_word_for_it(rule: Rule) -> None:
    prepared = [rules.prepare(sign) for sign in rule.signs]
    caught = [set().union(*(p.names for p in (*sign.said, *sign.log))) for sign in prepared]
    always = set.intersection(*caught)
    # Of several patterns in one sign any may be the one that fits.
    always &= set.intersection(*({*p.names} for sign in prepared for p in (*sign.said, *sign.log))) if any(
        sign.said or sign.log for sign in prepared
    ) else set()  # fmt: skip
    templates = [rule.cause, rule.why, rule.question]
    for fix in rule.fixes:
        templates += [fix.words, fix.command]
        valued = {name for template in fix.values for name in re.findall(r"\{([a-z_]+)\}", template)}
        assert valued <= facts.NAMES | always | set(fix.needs), "without it there is no change"
        for condition in (*fix.when, *fix.unless):
            conditions.check(condition, Case())
        assert fix.change is None or all(name in facts.NAMES | set().union(*caught) | {"package"} for name in fix.needs)
    named = {name for template in templates for name in re.findall(r"\{([a-z_]+)\}", template)}
    assert named <= facts.NAMES | always | set(rule.defaults), "a capture that not every sign gives needs a word"
    assert set(re.findall(r"\{([a-z_]+)\}", rule.detail)) <= facts.NAMES | set().union(*caught)
    assert bool(rule.detail) == ("{detail}" in rule.cause)
    assert set(rule.defaults) <= named | {"package"}, "a word that nothing uses"
    read = reading.read(Case())
    known = facts.facts(read, {}, rule)
    for template in templates:
        said = (
            known.in_words(template)
            if template not in {fix.command for fix in rule.fixes}
            else known.in_command(template)
        )
        assert not re.search(r"(?<!\$)\{[a-z_]+\}", said)


def test_no_rule_is_shadowed_by_one_that_stands_above_it() -> None:
    """Each text's own rule comes first, also where another rule fits as well; so none is hidden by a more general one."""
    for entry in TEXTS:
        found = diagnose(_case(entry))
        assert found[0].rule == entry.get("first", [entry["rule"]])[0]


# ---- any text


def _whole(found: tuple[Diagnosis, ...]) -> None:
    assert found
    for one in found:
        assert one.cause
        assert msgspec.json.decode(msgspec.json.encode(one), type=Diagnosis) == one


@given(st.text(max_size=400))
@settings(max_examples=150)
def test_any_text_ends_in_a_diagnosis(text: str) -> None:
    _whole(diagnose(Case(text=text)))
    _whole(diagnose(Case(logs={"inference-server": tuple(text.splitlines())}, events=(text,))))
    _whole(diagnose(Case(failure=Failure(code=text[:30], message=text, raw=text))))


_PIECES = [word for entry in TEXTS for word in entry.get("text", "").split()][:600]


@given(st.lists(st.sampled_from([*_PIECES, "\n", "{{", '\\"', "...", "<Code>", "Code: ", "("]), max_size=60))
@settings(max_examples=150)
def test_any_mixture_of_known_words_ends_in_a_diagnosis(words: list[str]) -> None:
    _whole(diagnose(Case(text=" ".join(words))))


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000_000,
        "2026-11-29 23:39:14,465 I [17472] azmlinfsrv.user_script - Invoking user's init function\n" * 60_000,
        "Error " * 900_000,
        "(BadRequest) " * 400_000,
        "Not enough quota available for " * 170_000,
        "host='a.blob.core.windows.net' " * 160_000,
        '\\"' * 2_500_000,
        "code: " + " " * 5_000_000,
    ],
    ids=["one line", "log", "errors", "codes", "quota", "hosts", "escapes", "blanks"],
)
def test_a_long_text_is_read_in_no_time(text: str) -> None:
    diagnose(Case(text="warm"))
    began = time.process_time()
    _whole(diagnose(Case(text=text)))
    # Processor time, so that a busy machine does not count; a pattern that runs away takes minutes.
    assert time.process_time() - began < 3


def test_an_error_at_the_end_and_in_the_middle_of_a_long_log_is_found() -> None:
    noise = "2026-11-29 23:39:14,465 I [17472] azmlinfsrv - Starting up app insights client\n" * 20_000
    for text in (
        f"{noise}ModuleNotFoundError: No module named 'torch'\n",
        f"{noise}ModuleNotFoundError: No module named 'torch'\n{noise}",
    ):
        assert diagnose(Case(text=text))[0].rule == "module-missing"


# ---- secrets and texts that act


def test_secrets_and_escape_sequences_of_a_text_are_not_told() -> None:
    key = "AccountKey=" + "A" * 86 + "=="
    text = f"(AccountNameInvalid) \x1b[31mMy_Storage is not a valid storage account name. {key}"
    told = msgspec.json.encode(diagnose(Case(text=text))).decode()
    assert "AAAAAAAA" not in told
    assert "\\u001b" not in told


def test_what_a_text_says_is_quoted_in_a_command() -> None:
    text = "build log under the storage account 'x; rm -rf ~' in the container '$(id)' at the path 'a b'"
    fix = next(fix for fix in diagnose(Case(text=text))[0].fixes if fix.command)
    assert "'x; rm -rf ~'" in fix.command
    assert "'$(id)'" in fix.command


@pytest.mark.parametrize("module", ["utils", "my_features.prepare", "evil @ https://example.com/x.whl", "sklern"])
def test_a_module_that_is_not_known_is_not_offered_as_a_package(module: str) -> None:
    found = diagnose(Case(logs={"inference-server": (f"ModuleNotFoundError: No module named '{module}'",)}))[0]
    assert found.rule == "module-missing"
    assert [fix.change.kind for fix in found.fixes if fix.change] == [ChangeKind.CODE], "it may be a file of one's own"


def test_packages_are_names_of_packages() -> None:
    for module, package in rules.load().packages.items():
        assert re.fullmatch(r"[A-Za-z_][\w.]*", module)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", package)
