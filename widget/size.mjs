// Prints what a visitor downloads, compressed, and fails above the budget.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../src/minidesk/web/static/dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** The entry's files with everything that it imports. */
function filesOf(name, seen = new Set()) {
  const entry = manifest[name];
  for (const file of [entry.file, ...(entry.css ?? []), ...(entry.assets ?? [])]) seen.add(file);
  for (const imported of entry.imports ?? []) filesOf(imported, seen);
  return [...seen];
}

const budgets = [
  ["src/loader/main.ts", 3 * 1024], // on every page of the shop, before anyone asked for a chat
  ["src/chat/main.tsx", 19 * 1024], // on the first touch of the button, on a phone's connection
  ["src/chat/later/index.ts", 9 * 1024, "src/chat/main.tsx"], // with the first message, beside what is there by then
  ["src/chat/attach/index.tsx", 6 * 1024, "src/chat/main.tsx"], // with the first file or voice note, beside what is there by then
  ["src/chat/intake/index.tsx", 2 * 1024, "src/chat/main.tsx"], // before the first message, where the site asks something
  ["src/loader/nudge.ts", 2 * 1024], // on pages of sites whose launcher says something by itself
  ["src/console/main.ts", 60 * 1024], // once a release for a person who works here all day
];

const packed = (content) => gzipSync(content, { level: 9 }).length;
const sizeOf = (files) => files.reduce((sum, file) => sum + packed(readFileSync(new URL(file, dist))), 0);

/** The chat's page with the words of the language that needs most. */
function pageBytes() {
  const text = new URL("../src/minidesk/", import.meta.url);
  const page = readFileSync(new URL("web/visitor_api/templates/chat.html", text), "utf8");
  const locales = new URL("text/locales/", text);
  const sizes = readdirSync(locales).map((name) => {
    const all = Object.entries(JSON.parse(readFileSync(new URL(name, locales), "utf8")));
    const words = Object.fromEntries(all.filter(([key]) => key.startsWith("widget.")).map(([key, value]) => [key.slice(7), value]));
    return packed(page.replace("{{ words }}", JSON.stringify(words).replaceAll('"', "&#34;")));
  });
  return Math.max(...sizes);
}

// What a visitor has downloaded when the chat stands open and ready: all of it, with the page around the words and what the
// session and the settings weigh, which tests/browser/test_widget_embedding.py measures.
const OPENED = 25_000;
const SESSION_AND_SETTINGS = 1_400;

let over = false;
for (const [name, budget, before] of budgets) {
  const known = before ? filesOf(before) : [];
  const files = filesOf(name).filter((file) => !known.includes(file));
  const bytes = sizeOf(files);
  over ||= bytes > budget;
  console.log(`${bytes > budget ? "TOO BIG" : "ok"}  ${bytes} of ${budget} bytes  ${name}  (${files.join(", ")})`);
}
const opened = sizeOf([...filesOf("src/loader/main.ts"), ...filesOf("src/chat/main.tsx")]) + pageBytes() + SESSION_AND_SETTINGS;
over ||= opened > OPENED;
console.log(`${opened > OPENED ? "TOO BIG" : "ok"}  ${opened} of ${OPENED} bytes  everything that is loaded when the chat is opened`);
if (over) {
  console.error("A file is above its budget: leave something out, or raise the budget in size.mjs and say why.");
  process.exit(1);
}
