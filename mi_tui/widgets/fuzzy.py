"""Fuzzy matching for filters: linear in the text, so that no name and no query can make it slow."""

from __future__ import annotations

Match = tuple[int, tuple[int, ...]]
"""How well it matches (higher is better), and the offsets of the matching characters."""


def match(word: str, text: str, *, scattered: bool = True) -> Match | None:
    """How the lower-case `word` is found in the lower-case `text`; None when it is not.

    In one piece beats scattered, at the start of the text or of a part of the name beats the middle.
    """
    if not word:
        return 0, ()
    at = text.find(word)
    if at >= 0:
        better = at
        while better > 0 and text[better - 1].isalnum():
            better = text.find(word, better + 1)
        start = better if better >= 0 else at
        end = start + len(word)
        whole = end == len(text) or not text[end].isalnum()
        score = 200 + (100 if start == 0 else 50 if better >= 0 else 0) + 25 * whole + 100 * (len(text) == len(word))
        return score, tuple(range(start, end))
    return _scattered(word, text) if scattered else None


def _scattered(word: str, text: str) -> Match | None:
    end = -1
    for letter in word:
        end = text.find(letter, end + 1)
        if end < 0:
            return None
    # Backwards from where the first find ended: the tightest stretch that ends there.
    offsets: list[int] = []
    at = end + 1
    for letter in reversed(word):
        at = text.rfind(letter, 0, at)
        offsets.append(at)
    offsets.reverse()
    starts = sum(offset == 0 or not text[offset - 1].isalnum() for offset in offsets)
    spread = offsets[-1] - offsets[0] + 1 - len(word)
    return max(1, 100 + 10 * starts - spread), tuple(offsets)


def match_all(words: list[str], title: str, others: tuple[str, ...]) -> Match | None:
    """Every word found in the title, or in one piece in one of the other texts; the offsets are the title's."""
    total, offsets = 0, set[int]()
    for word in words:
        found = match(word, title)
        if found is not None:
            total += found[0] + 20
            offsets.update(found[1])
            continue
        if not any(word in other for other in others):
            return None
        total += 20
    return total, tuple(sorted(offsets))
