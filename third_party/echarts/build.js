// Writes echarts.min.js, VERSION, LICENSE and NOTICE from the packages that package-lock.json pins.
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const read = (name) => readFileSync(here(`node_modules/${name}`), "utf8");
const version = (name) => JSON.parse(read(`${name}/package.json`)).version;

const notice = `/*!
Apache ECharts ${version("echarts")}, tree-shaken and minified.

${read("echarts/NOTICE").trim()}

Licensed under the Apache License, Version 2.0: you may obtain a copy at www.apache.org/licenses/LICENSE-2.0. Distributed on
an "AS IS" basis, without warranties or conditions of any kind, either express or implied.

It holds parts of d3.js under this licence:

${read("echarts/licenses/LICENSE-d3").trim()}

and ZRender ${version("zrender")} under this one:

${read("zrender/LICENSE").trim()}
*/`;

await build({
  entryPoints: [here("entry.js")],
  outfile: here("echarts.min.js"),
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "echarts",
  target: "es2020",
  // Nothing but ASCII, so that the file can stand in a page of any encoding.
  charset: "ascii",
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: notice.replace(/\r/g, "").replace(/https?:\/\//g, "") },
});
copyFileSync(here("node_modules/echarts/LICENSE"), here("LICENSE"));
writeFileSync(
  here("NOTICE"),
  `${read("echarts/NOTICE").trim()}\n\nd3.js, parts of which ECharts holds:\n\n${read("echarts/licenses/LICENSE-d3").trim()}\n\n` +
    `ZRender ${version("zrender")}, bundled with it:\n\n${read("zrender/LICENSE").trim()}\n`,
);
writeFileSync(here("VERSION"), `echarts ${version("echarts")}\nzrender ${version("zrender")}\ntslib ${version("tslib")}\nesbuild ${version("esbuild")}\n`);
console.log(`echarts.min.js: ${statSync(here("echarts.min.js")).size} bytes`);
