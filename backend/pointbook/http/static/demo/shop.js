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
let known = null; // the newest entry when the page before this one was shown

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
  const of = "entries of " + entries.dataset.of;
  known ??= Number(sessionStorage.getItem(of) ?? rows[0]?.seq ?? 0);
  if (rows.length) sessionStorage.setItem(of, rows[0].seq);
  entries.replaceChildren(
    ...rows.map(({ seq, at, kind, points, held, source }) => {
      const moved = [points && signed(points), held && `(${signed(held)})`].filter(Boolean).join(" ");
      const row = element("tr", null, [at, kind, moved, source].map((text) => element("td", text)));
      row.className = seq > known ? "new" : "";
      return row;
    }),
  );
  if (!rows.length) entries.append(element("caption", entries.dataset.none));
}

function signed(number) {
  return number > 0 ? `+${number}` : `−${-number}`;
}

document.addEventListener("DOMContentLoaded", () => {
  void tell();
  const drawer = document.getElementById("drawer");
  drawer.open = location.hash === "#drawer" || sessionStorage.getItem("drawer") === "open";
  drawer.addEventListener("toggle", () => sessionStorage.setItem("drawer", drawer.open ? "open" : ""));
  const look = document.getElementById("look");
  look.querySelector("button").hidden = true;
  look.addEventListener("change", () => look.submit());
  document.getElementById("apply")?.addEventListener("click", ({ target }) => {
    const code = document.getElementById("voucher").value;
    document.getElementById("applied").textContent = code && `${target.dataset.applied}: ${code}`;
  });
});
