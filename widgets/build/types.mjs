// Writes src/generated.ts: the ids of the trusted documents, with the types of their variables and answers.
import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { parse } from "graphql";

const folder = new URL("../documents/", import.meta.url);
const schema = parse(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8"));
const documents = readdirSync(folder)
  .filter((name) => name.endsWith(".graphql"))
  .sort()
  .map((location) => {
    const text = readFileSync(new URL(location, folder), "utf8").trim();
    return { location, text, document: parse(text) };
  });

const scalars = { ID: "string", DateTime: "string", Date: "string", Decimal: "string", Points: "number" };
const types = await codegen({
  schema,
  documents,
  filename: "generated.ts",
  config: {},
  plugins: [{ operations: { scalars, enumsAsTypes: true, skipTypename: true } }],
  pluginMap: { operations },
});

// The same as `document_id` of pointbook/graphql/trusted.py, and of that as much as the API has to be told.
const ids = documents.map(({ text, document }) => {
  const { operation, name } = document.definitions[0];
  const id = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const type = name.value + operation[0].toUpperCase() + operation.slice(1);
  return `export const ${name.value} = "${id}" as TrustedDocument<${type}, ${type}Variables>;\n`;
});

const header = `/* Made of the schema and the documents by build/types.mjs. */

/** Where a document is named, its answer and variables are known. */
export type TrustedDocument<Answer, Variables> = string & { readonly __of?: (variables: Variables) => Answer };
`;
writeFileSync(new URL("../src/generated.ts", import.meta.url), [header, types, ...ids].join("\n"));
