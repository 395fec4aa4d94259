"""The command that says what a word means: offline, in three short paragraphs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import click

from mi_tui.cli.common import echo_json, json_option, open_workflow

_WIDTH = 100


@click.command(short_help="What a word or an error code means, offline.")
@click.argument("word", nargs=-1)
@json_option
def explain(word: tuple[str, ...], as_json: bool) -> None:
    """Say what WORD means: a notion (AcrPull, SAI, propagation), an error code, or a part of the wizard. Asks nobody.

    Without WORD: list the words. Several words are one: 'mi-tui explain Storage Blob Data Reader'.
    """
    advice = open_workflow().advice
    asked = " ".join(word).strip()
    if not asked:
        if as_json:
            echo_json({"words": advice.words(), "codes": advice.codes()})
            return
        _listed("Words", advice.words())
        _listed("Error codes", advice.codes())
        click.echo("'mi-tui explain WORD' explains one. Entra's numbers (AADSTS...) are known, too.", err=True)
        return
    found = advice.explain(asked)
    if found is None:
        near = advice.nearest(asked)
        meant = f" Nearest: {', '.join(near)}." if near else ""
        raise click.UsageError(
            f"Nothing is known of {asked[:80]!r}.{meant} 'mi-tui explain' lists the words; 'mi-tui diagnose' reads a whole error."
        )
    title, paragraphs = found
    if as_json:
        echo_json({"word": asked, "title": title, "paragraphs": list(paragraphs)})
        return
    click.echo(title)
    for paragraph in paragraphs:
        click.echo()
        click.echo(textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _listed(head: str, words: Iterable[str]) -> None:
    click.echo(f"{head}:")
    text = ", ".join(words)
    click.echo(
        textwrap.fill(
            text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    )
