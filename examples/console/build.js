// Bundles the page: `node build.js [OUT]`, default dist/. What only a saved file needs is in chunks that are loaded then.
import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const outdir = process.argv[2] ?? here("dist");

await build({
  entryPoints: [here("src/main.ts"), here("src/style.css")],
  outdir,
  bundle: true,
  splitting: true,
  chunkNames: "[name]-[hash]",
  minify: true,
  format: "esm",
  target: "es2022",
  conditions: ["source"], // the packages as they are now, not as they were last compiled
  logLevel: "warning",
});
await cp(here("src/index.html"), `${outdir}/index.html`);
