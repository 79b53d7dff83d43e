/**
 * Two builds into one folder with one manifest: the chat and the console are ES modules; the loader is a classic script
 * that stands alone, because it runs in other people's pages and may neither import nor leave names behind.
 * `vite build` makes the first and empties the folder, `vite build --mode loader` adds the second.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";

const dist = resolve(import.meta.dirname, "../src/minidesk/web/static/dist");

/** Puts the loader's manifest into the first build's, so that the server reads one file. */
function joinManifests(): Plugin {
  const [whole, part] = [resolve(dist, ".vite/manifest.json"), resolve(dist, ".vite/loader.json")];
  return {
    name: "join-manifests",
    closeBundle() {
      const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
      writeFileSync(whole, `${JSON.stringify({ ...read(whole), ...read(part) }, null, 2)}\n`);
      rmSync(part);
    },
  };
}

/** An import that waits is the browser's own, without Vite's helper around it: 0.6 KB of every chat for one file loaded late. */
function plainImports(): Plugin {
  return {
    name: "plain-imports",
    enforce: "pre",
    load: (id) => (id.endsWith("vite/preload-helper.js") ? "export const __vitePreload = (load) => load();" : null),
  };
}

export default defineConfig(({ mode }) => {
  const loader = mode === "loader";
  return {
    base: "/static/dist/",
    publicDir: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: dist,
      emptyOutDir: !loader,
      target: ["es2022", "chrome111", "firefox113", "safari16.4"],
      manifest: loader ? ".vite/loader.json" : true,
      modulePreload: false,
      assetsInlineLimit: 0, // an inlined image would be a data: address, which the pages' policy refuses
      rolldownOptions: loader
        ? { input: { loader: "src/loader/main.ts" }, output: { format: "iife" } }
        : // In one piece what opening the chat needs: a second file would only be asked for once the first was read.
          { input: { chat: "src/chat/main.tsx", console: "src/console/main.ts", nudge: "src/loader/nudge.ts" }, output: { codeSplitting: { groups: [{ name: "chat", test: /preact|src\/chat\/[a-zA-Z]+\.tsx?$/ }] } }, checks: { eval: false } }, // htmx holds an eval, switched off in console/main.ts,
    },
    plugins: loader ? [joinManifests()] : [plainImports()],
  };
});
