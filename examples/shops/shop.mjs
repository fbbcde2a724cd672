// A shop in Node: a page with the widgets, and the route that signs the customer's token.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

const { POINTBOOK, POINTBOOK_KEY, TOKEN_KID, TOKEN_SECRET } = process.env;
const cart = JSON.stringify({ id: "cart-1", total: "24.90", currency: "EUR" });

let quietUntil = 0; // when Pointbook could not be reached, it is not asked for ten seconds

// What Pointbook gives to paste, all of it within a second; else nothing, because the shop sells on.
function snippets(customer, widgets) {
  const common = { "api-key": POINTBOOK_KEY, "data-token-url": "/pointbook-token", "signed-in": customer ? "yes" : "no" };
  const signal = AbortSignal.timeout(1000);
  const asked = Object.entries(widgets).map(async ([widget, attributes]) => {
    if (Date.now() < quietUntil) return "";
    const query = new URLSearchParams({ ...common, ...attributes });
    try {
      const answer = await fetch(`${POINTBOOK}/widgets/snippet/${widget}?${query}`, { signal });
      return answer.ok ? await answer.text() : "";
    } catch {
      quietUntil = Date.now() + 10_000;
      return "";
    }
  });
  return Promise.all(asked);
}

// A JWT for the customer, good for 15 minutes.
function token(customer) {
  const now = Math.floor(Date.now() / 1000);
  const head = { alg: "HS256", typ: "JWT", kid: TOKEN_KID };
  const claims = { aud: "pointbook", sub: customer, iat: now, exp: now + 900 };
  const signed = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", TOKEN_SECRET).update(signed).digest("base64url")}`;
}

// Who is signed in, by a cookie; undefined for a guest.
function customerOf(request) {
  const value = /(?:^|;\s*)customer=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  try {
    return value && decodeURIComponent(value);
  } catch {
    return value;
  }
}

createServer(async (request, response) => {
  const customer = customerOf(request);
  response.setHeader("Cache-Control", "no-store");
  if (request.url.split("?")[0] === "/pointbook-token") {
    if (!customer) return response.writeHead(204).end();
    return response.setHeader("Content-Type", "application/json").end(JSON.stringify({ token: token(customer) }));
  }
  const [product, checkout, account] = await snippets(customer, {
    product: { article: "espresso", price: "24.90" },
    checkout: { cart, "apply-to": "#voucher" },
    account: {},
  });
  const body = `<h1>Espresso</h1>${product}<label>Voucher <input id=voucher></label>${checkout}${account}`;
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  const head = "<meta name=viewport content=width=device-width><title>Shop</title>";
  response.end(`<!doctype html><html lang=de>${head}${body}`);
}).listen(process.env.PORT ?? 8080, "127.0.0.1");
