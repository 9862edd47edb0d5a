// Print the names of the pods in the namespace "default".
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
try {
  const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: "default" });
  for (const pod of items) console.log(pod.metadata.name);
} catch (error) {
  console.error(error.code ? `the cluster says ${error.code}` : `no answer: ${error.message}`);
  process.exitCode = 1;
}
