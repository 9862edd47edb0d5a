"""One target under atheris, which has libFuzzer: guided by coverage. In a Python that has it.

Usage: python -m tests.fuzz.guided TARGET WORDS-FOR-LIBFUZZER..., with folders of inputs among them.
"""

from __future__ import annotations

import sys

import atheris

from tests.fuzz.target import hold

# What is imported within guides the fuzzer: our own code, and nothing else.
with atheris.instrument_imports(include=["credhelper"]):
    from tests.fuzz.targets import find

    target = find(sys.argv[1])

atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: hold(target, data))
atheris.Fuzz()
