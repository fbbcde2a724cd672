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
function post(parameters, options, accept, signal) {
  return fetch(endpoint, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", Accept: accept, ...credentials(), ...options?.headers },
    body: JSON.stringify(parameters),
    signal,
  });
}

function subscribes({ operationName }, options) {
  const operations = options?.documentAST?.definitions.filter(({ kind }) => kind === "OperationDefinition") ?? [];
  const chosen = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  return chosen?.operation === "subscription";
}

/** The answers of a subscription as server-sent events, until GraphiQL stops reading. */
function events(parameters, options) {
  const leaving = new AbortController();
  const answers = read(parameters, options, leaving.signal);
  const stop = answers.return.bind(answers);
  answers.return = (value) => {
    leaving.abort(); // or it would wait for the next answer
    return stop(value);
  };
  return answers;
}

async function* read(parameters, options, signal) {
  try {
    const response = await post(parameters, options, "text/event-stream", signal);
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      yield await response.json();
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const answer = "event: next\ndata: ";
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const blocks = (text + part.value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) if (block.startsWith(answer)) yield JSON.parse(block.slice(answer.length));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function fetcher(parameters, options) {
  if (subscribes(parameters, options)) return events(parameters, options);
  return post(parameters, options, "application/graphql-response+json, application/json").then((response) =>
    response.json(),
  );
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
