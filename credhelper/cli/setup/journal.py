"""The setups in the journal that a call of `credhelper setup` means."""

from __future__ import annotations

import os

from credhelper.cli.setup.request import Arguments
from credhelper.setup.journal import Journal, Setup


def setup_of(arguments: Arguments) -> Setup:
    """Return the journal's entry for `arguments`, as yet without files and links."""
    return Setup(
        arguments.tool,
        str(arguments.service),
        arguments.name,
        arguments.profile,
        file=arguments.file,
    )


def matching(known: Journal, arguments: Arguments) -> list[Setup]:
    """Return the setups that `arguments` mean: what they leave open matches everything."""
    return [
        one
        for one in known.setups
        if one.tool == arguments.tool
        and (arguments.service is None or one.service == str(arguments.service))
        and (arguments.name is None or one.name == arguments.name)
        and (arguments.file is None or one.file == arguments.file)
    ]


def links_folder(one: Setup) -> str | None:
    """Return the folder in which a setup placed its links, None if it placed none."""
    return next((os.path.dirname(path) for path in one.links), None)
