"""Tell who the workspace takes us for, and once more after so many seconds: whoami.py [SECONDS]."""

import sys
import time

from databricks.sdk import WorkspaceClient

try:
    workspace = WorkspaceClient()
except ValueError as error:  # no token
    sys.exit(str(error))
for seconds in (0, *map(float, sys.argv[1:])):
    time.sleep(seconds)
    sys.stdout.write(f"{workspace.current_user.me().user_name}\n")
