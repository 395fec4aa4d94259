"""While a question stands at the terminal nothing pushes it away, and nothing that was said meanwhile is lost."""

from __future__ import annotations

import pytest

from mi_tui.cli.asking import Floor


def test_what_is_said_while_a_question_stands_comes_after_it_in_order() -> None:
    floor, said = Floor(), list[str]()
    floor.say(lambda: said.append("before"))
    with floor.taken():
        floor.say(lambda: said.append("one"))
        floor.say(lambda: said.append("two"))
        assert said == ["before"]
    assert said == ["before", "one", "two"]
    floor.say(lambda: said.append("after"))
    assert said[-1] == "after"


def test_a_question_that_is_broken_off_gives_the_terminal_back() -> None:
    floor, said = Floor(), list[str]()

    def asked() -> None:
        with floor.taken():
            floor.say(lambda: said.append("one"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked()
    assert said == ["one"]
