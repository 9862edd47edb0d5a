"""The environment of a Python program that uses the library: the default of every `environ`.

Nothing else of the library reads it. A module of its own, so that a program does not load the
machines' door for it.
"""

import os

ENVIRON = os.environ
