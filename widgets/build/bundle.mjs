// Writes the script that the server serves, and its second part. The same sources give the same bytes.
import { build, transform } from "esbuild";
import { createHash } from "node:crypto";
import { minify } from "terser";
import { brotliCompressSync, constants } from "node:zlib";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";

const out = new URL("../../backend/pointbook/http/static/widgets/", import.meta.url);
const LICENSE = "/*! Pointbook widgets, MIT. Contains Lit, (c) Google LLC, BSD-3-Clause: LICENSES.txt lies beside this file. */\n";

// A style sheet is imported as its text.
const sheets = {
  name: "sheets",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

// Between two tags of a template, and within one, lines are broken for the reader of the source only.
const templates = {
  name: "templates",
  setup({ onLoad }) {
    onLoad({ filter: /widgets\/src\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source.replace(/([>}`])\n\s+(?=[<$])/g, "$1\n").replace(/\n\s+(?=[@.?]?[\w-]+=["$])/g, " ");
      return { contents, loader: "ts" };
    });
  },
};

// Lit's Trusted Types policy gets our name: a page that has Lit itself, and lists "lit-html", keeps that for its own.
const policy = {
  name: "policy",
  setup({ onLoad }) {
    onLoad({ filter: /lit-html\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source.replace('createPolicy("lit-html"', 'createPolicy("pointbook"');
      if (contents === source) throw new Error("Lit makes its policy in another way now");
      return { contents };
    });
  },
};

// The second part uses the first one's Lit.
const lent = {
  name: "lent",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^lit$/ }, ({ path }) => ({ path, namespace: "lent" }));
    onLoad({ filter: /./, namespace: "lent" }, () => ({
      contents: 'import { KIT } from "./kit"; export const html = KIT._html, svg = KIT._svg, nothing = KIT._nothing;',
      resolveDir: new URL("../src", import.meta.url).pathname,
      loader: "ts",
    }));
  },
};

async function bundled(entry, options) {
  const { outputFiles, mangleCache } = await build({
    entryPoints: [new URL(`../src/${entry}`, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2021",
    charset: "utf8",
    minify: true,
    legalComments: "none",
    mangleProps: /^_[a-z]/,
    ...options,
  });
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2020, compress: { passes: 3 } });
  return { text: code, mangleCache };
}

const digest = (text, algorithm, encoding) => createHash(algorithm).update(text).digest(encoding);

// Names that are made short have to be the same in both parts: those of the first one count.
const { mangleCache } = await bundled("pointbook.ts", { plugins: [sheets, policy], mangleCache: {} });
const second = await bundled("panels/panels.ts", { plugins: [sheets, templates, lent], mangleCache });
const panels = `${LICENSE}${second.text}\n`;
const panelsFile = `panels.${digest(panels, "sha256", "hex").slice(0, 16)}.js`;
const first = await bundled("pointbook.ts", {
  plugins: [sheets, templates, policy],
  mangleCache,
  define: {
    PANELS_FILE: JSON.stringify(panelsFile),
    PANELS_INTEGRITY: JSON.stringify("sha384-" + digest(panels, "sha384", "base64")),
  },
});

// A second copy on the page, of whatever version, does nothing: the first one has defined the elements.
const script = `${LICENSE}if(!customElements.get("pointbook-account")){const SCRIPT_URL=import.meta.url;
${first.text}
}
`;
await mkdir(out, { recursive: true });
for (const name of await readdir(out)) if (/\.js(\.br)?$/.test(name)) await rm(new URL(name, out));
const frame = (await bundled("frame.ts", { plugins: [templates], mangleCache })).text + "\n";
for (const [name, text] of [["pointbook.js", script], [panelsFile, panels], ["frame.js", frame]]) {
  await writeFile(new URL(name, out), text);
  await writeFile(new URL(name + ".br", out), brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }));
}
