"""What F1 and `mi-tui explain` say: three short paragraphs, whole sentences, every word found as people write it."""

from __future__ import annotations

import pytest

from mi_tui.model import explain
from mi_tui.model.notions import NOTIONS, WORDS

LONGEST = 330


@pytest.mark.parametrize("key", sorted(explain.EXPLAINED))
def test_a_text_has_a_title_and_three_short_paragraphs(key: str) -> None:
    title, paragraphs = explain.EXPLAINED[key]
    assert title
    assert len(paragraphs) == 3
    for paragraph in paragraphs:
        assert len(paragraph) <= LONGEST
        assert paragraph[-1] == "."


@pytest.mark.parametrize("asked", ["SAI", "sai", "system-assigned", "System Assigned", "system_assigned identity"])
def test_a_word_is_found_as_people_write_it(asked: str) -> None:
    assert explain.word(asked) == explain.EXPLAINED["sai"]


def test_words_belong_to_texts_and_no_two_texts_share_one() -> None:
    assert set(WORDS) <= set(NOTIONS)
    names = [explain.plain(name) for names in WORDS.values() for name in names]
    assert len(names) == len(set(names))
    for key, named in WORDS.items():
        for name in named:
            assert explain.word(name) == explain.EXPLAINED[key], name


def test_every_word_of_the_lists_is_explained() -> None:
    assert all(explain.word(name) for name in (*explain.words(), *explain.every_word()))


def test_an_unknown_word_is_none() -> None:
    assert explain.word("xyzzy") is None
    assert explain.explained("xyzzy") is None
