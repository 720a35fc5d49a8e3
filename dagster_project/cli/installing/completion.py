"""``tieout completion``: what a shell needs to complete commands, options and values."""

from __future__ import annotations

import click

from dagster_project.cli.session import Session, with_session

# Each shell -> where its script is put, and what is said of it.
PLACES = {
    "bash": "~/.local/share/bash-completion/completions/tieout",
    "zsh": "a folder of $fpath as _tieout, such as ~/.zfunc/_tieout with 'fpath+=~/.zfunc; autoload -U compinit; compinit' in ~/.zshrc",
    "fish": "~/.config/fish/completions/tieout.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(PLACES)))
@with_session
def completion_command(session: Session, shell: str) -> None:
    """Print what makes SHELL complete tieout: commands, options, and the periods, entities, destinations, exceptions, requests and queries of the
    installation.

    \b
    bash: tieout completion bash > ~/.local/share/bash-completion/completions/tieout
    zsh:  tieout completion zsh > ~/.zfunc/_tieout      (with fpath+=~/.zfunc before compinit in ~/.zshrc)
    fish: tieout completion fish > ~/.config/fish/completions/tieout.fish
    """
    from click.shell_completion import get_completion_class

    from dagster_project.cli import COMPLETE_VARIABLE, tieout

    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(tieout, {}, "tieout", COMPLETE_VARIABLE)
    # Of bash, click would ask for the version by starting one; the script itself needs 4.4, which is ten years old.
    script = complete.source_template % complete.source_vars()
    session.line(script)
    session.result({"shell": shell, "put_into": PLACES[shell], "script": script})
