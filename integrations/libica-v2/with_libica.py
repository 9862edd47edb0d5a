"""List the projects of ICA v2, for as long as it takes: with_libica.py COUNT SECONDS-BETWEEN."""

import sys
import time

from libica.openapi.v3 import ApiClient, Configuration
from libica.openapi.v3.api.project_api import ProjectApi

import credhelper

configuration = Configuration(host="https://ica.illumina.com/ica/rest")

with ApiClient(configuration) as client:
    for _ in range(int(sys.argv[1])):
        # Asked each time, which costs next to nothing: so it is renewed before it expires.
        configuration.access_token = credhelper.get_token()
        for project in ProjectApi(client).get_projects().items:
            print(project.name)
        time.sleep(float(sys.argv[2]))
