// Writes the script that the server serves, and its second part. The same sources give the same bytes.
import { build, transform } from "esbuild";
import { createHash } from "node:crypto";
import { minify } from "terser";
import { brotliCompressSync, constants } from "node:zlib";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";

const out = new URL("../../backend/pointbook/http/static/widgets/", import.meta.url);
const LICENSE = "/*! Pointbook widgets, MIT; Lit, (c) Google LLC, BSD-3-Clause: LICENSES.txt */\n";

// A style sheet is imported as its text.
const sheets = {
  name: "sheets",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim().replace(/(--[\w-]+): /g, "$1:").replace(/, (?=#|c|t|10px|light)/g, ","), loader: "text" };
    });
  },
};

// Texts of a folder have their names once, not once for each language, and are one string, but for those with forms.
const texts = {
  name: "texts",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^names of / }, ({ path }) => ({ path: path.slice(9), namespace: "names" }));
    onLoad({ filter: /./, namespace: "names" }, async ({ path }) => {
      const names = JSON.stringify(Object.keys(await textsIn(path)).join(" "));
      const contents = `const names = ${names}.split(" ");
        export default (texts, forms) =>
          ({ ...Object.fromEntries(texts.split("|").map((text, at) => [names[at], text])), ...forms });`;
      return { contents };
    });
    onLoad({ filter: /\.json$/ }, async ({ path }) => {
      const first = path.replace(/\w+\.json$/, "en.json");
      const found = await textsIn(path);
      const isPlain = (name) => typeof found[name] === "string";
      const plain = Object.keys(await textsIn(first)).map((name) => (isPlain(name) ? found[name] : "")).join("|");
      const forms = Object.fromEntries(Object.entries(found).filter(([name]) => !isPlain(name)));
      const contents = `import named from ${JSON.stringify("names of " + first)};
        export default named(${JSON.stringify(plain)}, ${JSON.stringify(forms)});`;
      return { contents };
    });
  },
};

const textsIn = async (path) => JSON.parse(await readFile(path, "utf8"));

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
// What is for browsers that adopt no style sheets, or need polyfills, is left out, since the widgets do not run in them;
// and what it tells other copies of Lit, and decorators, of which there are none. Attributes are texts here, properties are
// not reflected to them, and nothing is added to an element from outside.
const VERSION = [/\(\w+\.\w+Versions\?\?=\[\]\)\.push\("[\d.]+"\)/, "0"];
const EDITS = {
  "lit-html.js": [['createPolicy("lit-html"', 'createPolicy("pointbook"'], [/\w+\.litHtmlPolyfillSupport/, "undefined"], VERSION],
  "css-tag.js": [[/\w+\.ShadowRoot&&.*?"replace"in CSSStyleSheet\.prototype/, "true"]],
  "reactive-element.js": [
    [/\w+\.reactiveElementPolyfillSupport/, "undefined"],
    [/Symbol\.metadata\?\?=.*?new WeakMap;/, ""],
    [/const \w+=this\[Symbol\.metadata\];if\(null!==\w+\)\{.*?\}this/, "this"],
    [/toAttribute\(\w,\w\)\{.*?\}return \w\},fromAttribute\(\w,\w\)\{.*?return \w\}/, "fromAttribute:t=>t"],
    [/_\$ET\(\w,\w\)\{.*?\}(?=_\$AK)/, ""],
    [/this\._\$Eq&&=.*?\)\),/, ""],
    [/addController\(\w\)\{.*?\}removeController\(\w\)\{.*?\}/, ""],
    [/this\._\$EO\?\.forEach\(\w=>\w\.\w+\?\.\(\)\)/g, "0"],
    [/static addInitializer\(\w\)\{.*?\}(?=static)/, ""],
    [/void 0!==\w\.l&&\(this\.l=\[\.\.\.\w\.l\]\)/, "0"],
    [/this\.constructor\.l\?\.forEach\(\w=>\w\(this\)\)/, "0"],
    VERSION,
  ],
  "lit-element.js": [
    [/\w+\.litElementPolyfillSupport/, "undefined"],
    [/\w+\.litElementHydrateSupport\?\.\(\{LitElement:\w+\}\)/, "0"],
    VERSION,
  ],
};
const lit = {
  name: "lit",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/(lit-html|lit-element|@lit\/reactive-element)\/[\w-]+\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [from, to] of EDITS[path.split("/").pop()] ?? []) {
        const edited = contents.replace(from, to);
        if (edited === contents) throw new Error(`Lit is written in another way now: ${from}`);
        contents = edited;
      }
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
const { mangleCache } = await bundled("pointbook.ts", { plugins: [sheets, texts, lit], mangleCache: {} });
const second = await bundled("panels/panels.ts", { plugins: [sheets, texts, templates, lent], mangleCache });
const panels = `${LICENSE}${second.text}\n`;
const panelsFile = `panels.${digest(panels, "sha256", "hex").slice(0, 16)}.js`;
const first = await bundled("pointbook.ts", {
  plugins: [sheets, texts, templates, lit],
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
