"""Ask a Flyte platform for its version, and again after so many seconds: version.py [SECONDS]."""

import sys
import time

from flytekit.clients.friendly import SynchronousFlyteClient
from flytekit.configuration import PlatformConfig
from flytekit.exceptions.system import FlyteSystemException

client = SynchronousFlyteClient(PlatformConfig.auto())
try:
    for seconds in (0, *map(float, sys.argv[1:])):
        time.sleep(seconds)
        sys.stdout.write(f"{client.get_control_plane_version()}\n")
except FlyteSystemException as error:
    sys.exit(str(error))
