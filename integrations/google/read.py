"""Read a page that wants one of Google's access tokens: python read.py credential.json URL."""

import sys

from google.auth import exceptions, pluggable
from google.auth.transport.requests import AuthorizedSession

credentials = pluggable.Credentials.from_file(sys.argv[1])
try:
    answer = AuthorizedSession(credentials).get(sys.argv[2])
except exceptions.GoogleAuthError as error:
    sys.exit(str(error))
answer.raise_for_status()
sys.stdout.write(answer.text)
