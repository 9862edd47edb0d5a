"""List the projects of ICA v1 again and again, as a long job does: ... TIMES SECONDS-BETWEEN."""

import sys
import time

from libica.openapi import libconsole

import credhelper

configuration = credhelper.libica.configuration(sdk=libconsole)

with libconsole.ApiClient(configuration) as client:
    projects = libconsole.ProjectsApi(client)
    for _ in range(int(sys.argv[1])):
        print(*(project.id for project in projects.list_projects().items))
        time.sleep(float(sys.argv[2]))
