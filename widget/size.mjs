// Prints what a visitor downloads, compressed, and fails above the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../src/minidesk/web/static/dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** The entry's files with everything that it imports. */
function filesOf(name, seen = new Set()) {
  const entry = manifest[name];
  for (const file of [entry.file, ...(entry.css ?? [])]) seen.add(file);
  for (const imported of entry.imports ?? []) filesOf(imported, seen);
  return [...seen];
}

const budgets = [
  ["src/loader/main.ts", 3 * 1024], // on every page of the shop, before anyone asked for a chat
  ["src/chat/main.tsx", 22 * 1024], // on the first touch of the button, on a phone's connection
  ["src/chat/attach/index.tsx", 6 * 1024, "src/chat/main.tsx"], // with the first file or voice note, beside what is there by then
  ["src/chat/intake/index.tsx", 2 * 1024, "src/chat/main.tsx"], // before the first message, where the site asks something
  ["src/loader/nudge.ts", 2 * 1024], // on pages of sites whose launcher says something by itself
  ["src/console/main.ts", 60 * 1024], // once a release for a person who works here all day
];

let over = false;
for (const [name, budget, before] of budgets) {
  const known = before ? filesOf(before) : [];
  const files = filesOf(name).filter((file) => !known.includes(file));
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length, 0);
  over ||= bytes > budget;
  console.log(`${bytes > budget ? "TOO BIG" : "ok"}  ${bytes} of ${budget} bytes  ${name}  (${files.join(", ")})`);
}
if (over) {
  console.error("A file is above its budget: leave something out, or raise the budget in size.mjs and say why.");
  process.exit(1);
}
