"""The settings in a YAML file of another tool, read as that tool reads them. Loads PyYAML."""

from __future__ import annotations

import yaml
from yaml.composer import ComposerError


class _Loader(yaml.SafeLoader):
    """YAML without aliases: no setting is a copy of another one, and no text grows."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; raises ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "an alias", None)
        return super().compose_node(parent, index)


def settings(text: str) -> dict[str, str | None] | None:
    """Return the settings at the top of a YAML text; None for a text that is not YAML.

    A setting is the text of its value, "" for null; None for a value that is no text, such as the
    `!!binary` of what is encrypted. The last of a name counts, and the first document.

    Parameters:
    - text: at most 1 MiB.
    """
    try:
        # Other readers take tabs between words, PyYAML does not.
        loader = _Loader(text.replace("\t", " "))
        root = loader.get_node() if loader.check_node() else None
    except (yaml.YAMLError, RecursionError):
        return None
    members = root.value if isinstance(root, yaml.MappingNode) else []
    return {name.value: _setting(value) for name, value in members if _is_text(name)}


def _setting(value: yaml.Node) -> str | None:
    if not _is_text(value):
        return None
    text: str = value.value
    return "" if value.tag == "tag:yaml.org,2002:null" else text


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:binary"
