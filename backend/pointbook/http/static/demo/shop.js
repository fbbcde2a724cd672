// The shop's own voucher button, and the drawer: what the widgets ask, and what has become of the customer's points.
"use strict";

const asked = [];
const original = window.fetch;
window.fetch = async (url, options) => {
  const answer = await original(url, options);
  const kind = answer.headers.get("Content-Type") || "";
  if (String(url).includes("/graphql") && kind.includes("json")) {
    asked.push({ request: options?.body ?? String(url), answer: await answer.clone().json() });
    void tell();
  }
  return answer;
};

let documents = null;

function element(name, text, parts = []) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  made.append(...parts);
  return made;
}

function read(request) {
  if (request.startsWith("{")) return JSON.parse(request);
  const query = new URL(request).searchParams;
  return { documentId: query.get("documentId"), variables: JSON.parse(query.get("variables")) };
}

async function tell() {
  const calls = document.getElementById("calls");
  if (!calls) return;
  documents ??= await (await original(calls.dataset.documents)).json();
  calls.replaceChildren(
    ...asked.slice(-12).reverse().map(({ request, answer }) => {
      const { documentId, variables } = read(request);
      const text = documents["sha256:" + documentId] ?? documentId;
      const name = /^(\w+ \w+)/.exec(text)?.[1] ?? documentId;
      const shown = [text, JSON.stringify(variables, null, 2), JSON.stringify(answer, null, 2)];
      return element("li", null, [
        element("details", null, [element("summary", name), ...shown.map((part) => element("pre", part))]),
      ]);
    }),
  );
  const entries = document.getElementById("entries");
  const rows = await (await original(entries.dataset.from)).json();
  entries.replaceChildren(
    ...rows.map(({ seq, kind, points, held, source }) =>
      element("tr", null, [`#${seq}`, kind, `${points || ""}`, held ? `(${held})` : "", source].map((t) => element("td", t))),
    ),
  );
}

document.addEventListener("DOMContentLoaded", () => {
  void tell();
  document.getElementById("apply")?.addEventListener("click", ({ target }) => {
    const code = document.getElementById("voucher").value;
    document.getElementById("applied").textContent = code && `${target.dataset.applied}: ${code}`;
  });
});
