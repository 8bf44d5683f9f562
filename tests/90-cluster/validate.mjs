// Checks objects of Kubernetes (a JSON array on stdin) against its published schemas, those of the npm package kubernetes-models in the
// directory that is given. A line for each that is wrong; 0: none is.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.argv[2]}/`);
let wrong = 0;

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${object.apiVersion} ${object.kind} ${object.metadata?.name}`;
  try {
    const models = require(`kubernetes-models/${object.apiVersion}`);
    if (!models[object.kind]) throw new Error("there is no such kind");
    new models[object.kind](object).validate();
  } catch (error) {
    console.log(`${name}: ${error.message}`);
    wrong++;
  }
}
process.exit(wrong ? 1 : 0);
