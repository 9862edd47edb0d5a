"""`python -m credhelper`: the people's door and the protocols, where no program file can be had."""

from __future__ import annotations

from credhelper import entry
from credhelper.edge import main

main.main(*entry.main())
