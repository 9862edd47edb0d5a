"""List projects with wrapica for as long as it takes: with_wrapica_renewed.py COUNT SECONDS."""

import sys
import time

from libica.openapi import v2
from libica.openapi.v2.api.project_api import ProjectApi
from wrapica.utils import configuration

import credhelper

# wrapica keeps one Configuration for its whole life: this one asks for a token at each use.
configuration.ICAV2_CONFIGURATION = credhelper.libica.configuration(sdk=v2)

for _ in range(int(sys.argv[1])):
    with v2.ApiClient(configuration.get_icav2_configuration()) as client:
        for project in ProjectApi(client).get_projects().items:
            print(project.name)
    time.sleep(float(sys.argv[2]))
