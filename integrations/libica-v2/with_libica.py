"""List the projects of ICA v2, for as long as it takes: with_libica.py COUNT SECONDS-BETWEEN."""

import sys
import time

from libica.openapi.v3 import ApiClient
from libica.openapi.v3.api.project_api import ProjectApi

import credhelper

# The profile's API, and a token that is asked for at each use: it is renewed before it expires.
configuration = credhelper.libica.configuration()

with ApiClient(configuration) as client:
    for _ in range(int(sys.argv[1])):
        for project in ProjectApi(client).get_projects().items:
            print(project.name)
        time.sleep(float(sys.argv[2]))
