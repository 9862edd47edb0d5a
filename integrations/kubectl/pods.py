"""Print the names of the pods in the namespace `default`."""

import sys

from kubernetes import client, config

config.load_kube_config()
try:
    for pod in client.CoreV1Api().list_namespaced_pod("default").items:
        print(pod.metadata.name)
except client.ApiException as error:
    sys.exit(f"the cluster says {error.status} {error.reason}")
