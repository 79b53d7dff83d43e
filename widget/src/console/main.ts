/**
 * The console's browser code: htmx, and small controllers.
 *
 * The pages work without any of this: every action is a form. A controller is a function that brings one element to life:
 * `<div data-controller="name">` gets `controllers.name`, also when htmx swapped the element in later. What it returns,
 * if anything, runs when htmx takes the element away.
 */
import "./console.css";
import "./docs.css";
import "./models.css";
import "./settings.css";
import "./tools.css";
import "./tickets.css";
import htmx from "htmx.org";
import { assist } from "./assist";
import { badge } from "./badge";
import { canned } from "./canned";
import { commands } from "./commands";
import { composer } from "./composer";
import { copy } from "./copy";
import { desk } from "./desk";
import { empty } from "./empty";
import { failures } from "./failures";
import { keyed } from "./keyed";
import { list } from "./list";
import { live } from "./live";
import { menu } from "./menu";
import { notify } from "./notify";
import { people } from "./people";
import { preview } from "./preview";
import { seen } from "./seen";
import { sound } from "./sound";
import { transcript } from "./transcript";
import { passing, undo } from "./undo";
import { upload } from "./upload";

export type Controller = (element: HTMLElement) => (() => void) | void;

/** By the name that the templates use; one file a controller. */
const controllers: Record<string, Controller> = { assist, canned, commands, composer, copy, desk, empty, list, live, menu, notify, passing, people, preview, seen, sound, transcript, undo, upload };

// The console's content security policy allows neither eval nor style elements; without these lines htmx would try both.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
// A copy of a transcript must not stay in the browser's storage after signing out.
htmx.config.historyCacheSize = 0;
// Else a form that came with a swap is not htmx's for another 20 ms: a key pressed in between would send it as a page of its
// own, and what it did could not be undone.
htmx.config.defaultSettleDelay = 0;

document.documentElement.classList.add("live"); // shows the keys, hides what only a page without scripts needs
keyed(htmx);
failures();
badge();

const running = new Map<Element, () => void>();

function start(root: Element): void {
  const found = root.querySelectorAll<HTMLElement>("[data-controller]");
  for (const element of root.matches("[data-controller]") ? [root as HTMLElement, ...found] : found) {
    if (running.has(element)) continue;
    const stop = controllers[element.dataset["controller"] ?? ""]?.(element);
    running.set(element, stop ?? (() => {}));
  }
}

function stop(element: Element): void {
  running.get(element)?.();
  running.delete(element);
}

document.addEventListener("htmx:load", (event) => start(event.target as Element));
document.addEventListener("htmx:beforeCleanupElement", (event) => stop(event.target as Element));
