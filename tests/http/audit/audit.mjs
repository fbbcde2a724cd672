// node audit.mjs http://127.0.0.1:8000/graphql sk_...
// Runs the GraphQL-over-HTTP audit with a secret key; exits with 1 unless every audit is passed.
import { auditServer } from "graphql-http";

const [url, key] = process.argv.slice(2);
if (!url || !key) {
  console.error("usage: node audit.mjs URL SECRET_KEY");
  process.exit(2);
}

const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${key}`);
  return fetch(input, { ...init, headers });
};

const results = await auditServer({ url, fetchFn });
for (const result of results.filter(({ status }) => status !== "ok")) {
  console.log(`${result.status.toUpperCase()} ${result.id} ${result.name}: ${result.reason}`);
}
const passed = results.filter(({ status }) => status === "ok").length;
console.log(`${passed} of ${results.length} audits passed`);
process.exit(passed === results.length ? 0 : 1);
