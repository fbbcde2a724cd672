// Starts GraphiQL with the credentials of the bar above it and the example operations of the page.
"use strict";

const element = (id) => document.getElementById(id);
const examples = JSON.parse(element("examples").textContent);
const { endpoint } = element("graphiql").dataset;
const fields = { key: element("key"), token: element("token") };

// `pointbook demo` prints a link with the demo's keys behind the "#": a fragment is never sent to a server.
const given = new URLSearchParams(location.hash.slice(1));
for (const [name, field] of Object.entries(fields)) {
  field.value = given.get(name) || sessionStorage.getItem(`pointbook:${name}`) || "";
}
if (location.hash) history.replaceState(null, "", location.pathname);

function credentials() {
  const key = fields.key.value.trim();
  const token = fields.token.value.trim();
  if (token) return { "Pointbook-Key": key, Authorization: `Bearer ${token}` };
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** One request; headers of GraphiQL's own editor win over those of the bar. */
async function fetcher(parameters, options) {
  const response = await fetch(endpoint, {
    method: "POST",
    credentials: "omit",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json",
      ...credentials(),
      ...options?.headers,
    },
    body: JSON.stringify(parameters),
  });
  return response.json();
}

const root = ReactDOM.createRoot(element("graphiql"));

/** A new key means a new GraphiQL: it asks for the schema once, when it starts. */
function start() {
  for (const [name, field] of Object.entries(fields)) sessionStorage.setItem(`pointbook:${name}`, field.value.trim());
  root.render(
    React.createElement(GraphiQL, {
      key: `${fields.key.value} ${fields.token.value}`,
      fetcher,
      defaultTabs: examples,
      defaultEditorToolsVisibility: "variables",
      shouldPersistHeaders: false,
    }),
  );
}

element("credentials").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
start();
