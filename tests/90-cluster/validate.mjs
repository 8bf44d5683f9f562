// Checks objects of Kubernetes (a JSON array on stdin) against its published schemas, and those of the operators of Prometheus and KEDA: the npm packages
// kubernetes-models, @kubernetes-models/prometheus-operator and @kubernetes-models/keda in the directory that is given. A line for each that is
// wrong; 0: none is.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const place = process.argv[2];
const require = createRequire(`${place}/`);
const operators = { "monitoring.coreos.com": "prometheus-operator", "keda.sh": "keda" };
let wrong = 0;

/** What knows the kinds of a version of an API. */
function models(version) {
  const operator = operators[version.split("/")[0]];
  if (!operator) return require(`kubernetes-models/${version}`);
  return import(pathToFileURL(`${place}/node_modules/@kubernetes-models/${operator}/${version}/index.js`));
}

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${object.apiVersion} ${object.kind} ${object.metadata?.name}`;
  try {
    const known = await models(object.apiVersion);
    if (!known[object.kind]) throw new Error("there is no such kind");
    new known[object.kind](object).validate();
  } catch (error) {
    console.log(`${name}: ${error.message}`);
    wrong++;
  }
}
process.exit(wrong ? 1 : 0);
