"""The settings in a YAML file of another tool, read as that tool reads them. Loads PyYAML."""

from __future__ import annotations

import yaml
from yaml.composer import ComposerError

_ALIAS, _MERGED = "an alias", "<<"


class _Loader(yaml.SafeLoader):
    """YAML without aliases: no setting is a copy of another one, and no text grows."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; raises ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, _ALIAS, None)
        return super().compose_node(parent, index)


def settings(text: str) -> dict[str, str | None]:
    """Return the settings at the top of a YAML text, of its first document.

    A setting is the text of its value, "" for null; None for a value that is no text, such as the
    `!!binary` of what is encrypted.

    Parameters:
    - text: at most 1 MiB.

    Raises ValueError, whose text continues a sentence after the file's name, for what is not YAML,
    holds an alias or a merge, is no mapping, or has a name twice, in any case: some tools take the
    first, some the last.
    """
    try:
        # Other readers take tabs between words, PyYAML does not.
        loader = _Loader(text.replace("\t", " "))
        root = loader.get_node() if loader.check_node() else None
    except (yaml.YAMLError, RecursionError) as error:
        alias = isinstance(error, ComposerError) and error.problem == _ALIAS
        flaw = "holds an alias" if alias else "is not YAML"
    else:
        members = root.value if isinstance(root, yaml.MappingNode) else []
        names = [name.value for name, _ in members if _is_text(name)]
        flaw = "" if len(names) == len(set(map(str.lower, names))) else "has a setting twice"
        if _MERGED in names:
            flaw = "merges settings into its own"
        if root is not None and not isinstance(root, yaml.MappingNode) and _setting(root) != "":
            flaw = "has no settings at its top"
    if flaw:
        # Raised out here, so that no exception carries the text.
        raise ValueError(flaw)
    return {name.value: _setting(value) for name, value in members if _is_text(name)}


def _setting(value: yaml.Node) -> str | None:
    if not _is_text(value):
        return None
    text: str = value.value
    return "" if value.tag == "tag:yaml.org,2002:null" else text


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:binary"
