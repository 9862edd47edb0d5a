"""List the projects of ICA v2 as wrapica sees them: credhelper exec -- python with_wrapica.py."""

from libica.openapi.v2 import ApiClient
from libica.openapi.v2.api.project_api import ProjectApi
from wrapica.utils.configuration import get_icav2_configuration

# wrapica takes ICAV2_ACCESS_TOKEN and ICAV2_BASE_URL from the environment, which `exec` fills in.
with ApiClient(get_icav2_configuration()) as client:
    for project in ProjectApi(client).get_projects().items:
        print(project.name)
