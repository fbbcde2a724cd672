// The shop's own voucher button, and the drawer: what the widgets and the shop's server ask, and what has become of
// the customer's points. What was asked on the pages before stays there, as long as the tab.
"use strict";

const MOST = 30; // calls that are kept of a customer of a shop
const original = window.fetch;
window.fetch = async (url, options) => {
  const answer = await original(url, options);
  const kind = answer.headers.get("Content-Type") || "";
  if (String(url).includes("/graphql") && kind.includes("json")) {
    const call = { request: options?.body ?? String(url), answer: await answer.clone().json() };
    keep([call]);
    void tell();
  }
  return answer;
};

let calls = null; // the newest last
let documents = null;
let known = null; // the newest entry when the page before this one was shown
let leaving = false; // what comes of the button that was pressed is news for the next page

addEventListener("beforeunload", () => {
  leaving = true;
});

function element(name, text, parts = []) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  made.append(...parts);
  return made;
}

function stored(name, otherwise) {
  return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
}

/** What the page says that the server told comes before what the page asks itself. */
function keep(more) {
  const { of, told } = document.getElementById("calls").dataset;
  if (!calls) {
    calls = stored("calls of " + of, []);
    keep(news(JSON.parse(told)));
  }
  calls = [...calls, ...more].slice(-MOST);
  sessionStorage.setItem("calls of " + of, JSON.stringify(calls));
}

/** Those of the server's newest calls that were not among them the last time. */
function news(told) {
  const name = "told of " + document.getElementById("calls").dataset.of;
  const before = new Set(stored(name, []));
  sessionStorage.setItem(name, JSON.stringify(told.map(({ id }) => id)));
  return told.filter(({ id }) => !before.has(id));
}

/** The text of a call and its variables: the widgets send a document's id, some of it in a query. */
function read({ request, text, variables }) {
  if (text) return { text, variables };
  const query = request.startsWith("{") ? null : new URL(request).searchParams;
  const asked = query
    ? { documentId: query.get("documentId"), variables: JSON.parse(query.get("variables")) }
    : JSON.parse(request);
  return { text: documents["sha256:" + asked.documentId] ?? asked.documentId, variables: asked.variables };
}

function shownCall(call, words) {
  const { text, variables } = read(call);
  const summary = [/^(\w+ \w+)/.exec(text)?.[1] ?? text];
  if (call.by) summary.push(" ", element("em", words[call.by.toLowerCase()]));
  for (const entry of call.entries ?? []) summary.push(" ", element("mark", `${entry.kind} ${moved(entry)}`));
  const parts = [text, JSON.stringify(variables, null, 2), JSON.stringify(call.answer, null, 2)];
  const row = element("li", null, [
    element("details", null, [element("summary", null, summary), ...parts.map((part) => element("pre", part))]),
  ]);
  row.className = call.by ? "server" : "";
  return row;
}

async function tell() {
  const list = document.getElementById("calls");
  documents ??= await (await original(list.dataset.documents)).json();
  list.replaceChildren(...calls.map((call) => shownCall(call, list.dataset)).reverse());
  const entries = document.getElementById("entries");
  const rows = await (await original(entries.dataset.from)).json();
  const of = "entries of " + entries.dataset.of;
  known ??= Number(sessionStorage.getItem(of) ?? rows[0]?.seq ?? 0);
  if (rows.length && !leaving) sessionStorage.setItem(of, rows[0].seq);
  entries.replaceChildren(
    ...rows.map((entry) => {
      const { seq, at, kind, source } = entry;
      const row = element("tr", null, [at, kind, moved(entry), source].map((text) => element("td", text)));
      row.className = seq > known ? "new" : "";
      return row;
    }),
  );
  if (!rows.length) entries.append(element("caption", entries.dataset.none));
}

function moved({ points, held }) {
  return [points && signed(points), held && `(${signed(held)})`].filter(Boolean).join(" ");
}

function signed(number) {
  return number > 0 ? `+${number}` : `−${-number}`;
}

/** A code as the shop's server takes it, however a customer has typed it. */
function plain(code) {
  return code.replace(/\W/g, "").toUpperCase();
}

/** The shop's server asks whether the code is good. */
async function apply(button) {
  const voucher = document.getElementById("voucher").value;
  const shown = document.getElementById("applied");
  shown.textContent = "";
  if (!voucher) return;
  const sent = { method: "POST", body: new URLSearchParams({ voucher }) };
  const { said, told } = await (await original(button.dataset.to, sent)).json();
  shown.textContent = said;
  keep(news(told));
  void tell();
}

document.addEventListener("DOMContentLoaded", () => {
  keep([]);
  void tell();
  const drawer = document.getElementById("drawer");
  drawer.open = location.hash === "#drawer" || sessionStorage.getItem("drawer") === "open";
  drawer.addEventListener("toggle", () => sessionStorage.setItem("drawer", drawer.open ? "open" : ""));
  const look = document.getElementById("look");
  look.querySelector("button").hidden = true;
  look.addEventListener("change", () => look.submit());
  document.getElementById("voucher")?.addEventListener("input", () => {
    document.getElementById("applied").textContent = ""; // it was of another code
  });
  document.addEventListener("pointbook:ended", ({ detail }) => {
    const voucher = document.getElementById("voucher");
    if (plain(voucher.value) === plain(detail.code)) voucher.value = "";
    document.getElementById("applied").textContent = "";
  });
  document.getElementById("apply")?.addEventListener("click", ({ currentTarget }) => void apply(currentTarget));
});
