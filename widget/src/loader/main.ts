/**
 * `<script async src="https://desk.example.com/widget.js" data-site="KEY"></script>` in somebody else's page.
 *
 * Draws one button in a shadow root and, at the first sign of interest (pointer, focus, press) or when a conversation
 * is open, loads the chat into a frame of the desk's own origin. Everything of the conversation stays in that frame;
 * this script learns the number of unread messages and how the button should look, nothing else.
 *
 * Attributes: data-site (needed) · data-target (CSS selector: chat inside that element, no button) · data-accent,
 * data-position (left | right), data-side and data-bottom (20px), data-label: how the button looks before the desk has answered for the first time.
 */
import { MARK, readToPage, type ToFrame, type ToPage } from "../protocol";
import { command, listeners, type Commands } from "./command";
import { css } from "./style";

const script =
  (document.currentScript as HTMLScriptElement | null) ??
  document.querySelector<HTMLScriptElement>('script[src*="widget.js"]');
const site = script?.dataset["site"];

/** Storage of the host page; browsers that refuse it cost a remembered state, no more. */
const recall = (store: "sessionStorage" | "localStorage", key: string, value?: string): string | null => {
  try {
    const name = `minidesk:${site}:${key}`;
    if (value !== undefined) window[store].setItem(name, value);
    return window[store].getItem(name);
  } catch {
    return null; // storage is blocked here
  }
};

/** Made node by node: pages with Trusted Types refuse markup in strings. */
function make<T extends keyof HTMLElementTagNameMap>(tag: T, properties?: Partial<HTMLElementTagNameMap[T]>, ...children: Element[]) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function icon(path: string): SVGElement {
  const draw = (tag: string) => document.createElementNS("http://www.w3.org/2000/svg", tag) as SVGElement;
  const [svg, line] = [draw("svg"), draw("path")];
  svg.setAttribute("viewBox", "0 0 24 24");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function start(script: HTMLScriptElement, key: string): void {
  const desk = new URL(script.src).origin;
  const language = () => `${context.locale ?? document.documentElement.lang}`;
  const address = (file = "") => `${desk}/widget/${encodeURIComponent(key)}${file}?locale=${encodeURIComponent(language())}`;
  const target = document.querySelector(script.dataset["target"]!); // without the attribute: an element of no page, <undefined>
  const inline = target !== null;

  const host = document.createElement("minidesk-widget");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  const label = make("span");
  const badge = make("b");
  const button = make("button", { type: "button" }, icon("M4 5h16v11H9l-5 4z"), icon("M6 9l6 6 6-6"), label, badge);
  const note = make("p");
  const panel = make("div", { className: "shut", role: inline ? "region" : "dialog", ariaLabel: "Chat" }, note);
  root.append(button, panel);

  // Until the desk has said the words of the visitor's language, one that needs no translation.
  let texts = { open: "Chat", close: "Chat" };
  let frame: HTMLIFrameElement | null = null;
  let ready = false; // to hear; once it has answered, the panel shows it
  let shown = false;
  let open = false;
  let focus = 0;
  let unread = 0;
  let token = "";
  let context: Record<string, unknown> = {};
  let waiting: ToFrame[] = [];

  const send = (message: ToFrame) => {
    if (ready) frame?.contentWindow?.postMessage({ mark: MARK, ...message }, desk);
    else waiting.push(message);
  };
  /** Says everything anew: where the page is may have changed since the last time. */
  const say = () => {
    if (!ready) return; // it is said when the frame can hear
    send({
      type: "page",
      page: `${context["page"] ?? location.origin + location.pathname}`, // without query and hash: they may hold secrets
      title: `${context["title"] ?? document.title}`,
      locale: language(),
      attributes: JSON.stringify(context["attributes"] ?? {}),
      token,
      inline,
      open: open || inline,
      focus: shown ? focus : 0, // nothing inside a frame that is not shown can take the focus
    });
  };
  const tell = (name: string, data?: unknown) => {
    for (const listener of listeners(name)) listener(data);
  };

  function look(it: Partial<Record<string, string>>): void {
    for (const name of ["accent", "onAccent", "side", "bottom"])
      if (/^(#[0-9a-f]{6}|\d{1,3}px)$/i.test(it[name]!)) host.style.setProperty(`--${name}`, it[name]!);
    host.classList.toggle("left", it["position"] === "left");
    label.textContent = it["label"] ?? "";
  }

  function name(): void {
    const text = open ? texts.close : texts.open;
    const count = open ? 0 : unread;
    button.ariaLabel = count ? `${text} (${count})` : text;
    button.ariaExpanded = `${open}`;
    badge.textContent = count > 9 ? "9+" : `${count || ""}`;
  }

  /** Loads the chat, once. */
  function load(): void {
    if (frame) return;
    frame = make("iframe", { title: "Chat", allow: "microphone", src: address() });
    frame.onload = () => {
      ready = true; // its script listens by now
      say();
      waiting.forEach(send);
      waiting = [];
    };
    setTimeout(() => {
      if (!shown) note.append(make("a", { href: address(), target: "_blank", textContent: "Chat ↗" }));
    }, 10_000); // a slow phone needs five; after ten, the page's policy or the network is in the way
    panel.append(frame);
  }

  /** @param byPerson false where nobody pressed anything: a restored panel must not take the page's focus */
  function show(now: boolean, byPerson = true): void {
    if (inline || now === open) return;
    open = now;
    if (open) load();
    if (open && byPerson) focus++;
    panel.classList.toggle("shut", !open);
    name();
    recall("sessionStorage", "open", open ? "1" : "");
    say();
    if (open && byPerson) frame?.focus();
    else if (!open && document.activeElement === host) button.focus();
    tell(open ? "open" : "close");
  }

  const heard: { [T in ToPage["type"]]: (message: Extract<ToPage, { type: T }>) => void } = {
    ready() {
      shown = true;
      panel.classList.add("ready");
      if (open && focus) frame?.focus();
      say();
      tell("ready");
    },
    look(message) {
      look(message);
      texts = message;
      name();
      recall("localStorage", "look", JSON.stringify(message));
    },
    unread({ count }) {
      unread = count;
      name();
      tell("unread", count);
    },
    active({ active }) {
      recall("localStorage", "active", active ? "1" : "");
    },
    close: () => show(false),
    event: ({ name, detail }) => tell(name, detail),
  };

  addEventListener("message", (event) => {
    if (event.origin !== desk || event.source !== frame?.contentWindow) return;
    const message = readToPage(event.data);
    if (message) (heard[message.type] as (message: ToPage) => void)(message);
  });

  const commands: Commands = {
    open: () => show(true),
    close: () => show(false),
    toggle: () => show(!open),
    send(text) {
      show(true);
      send({ type: "send", text: `${text}` });
    },
    identify(value) {
      token = `${value}`;
      say();
    },
    context(value) {
      context = Object(value);
      say();
    },
    locale(value) {
      context["locale"] = value;
      say();
    },
    reset() {
      token = "";
      context = {};
      load(); // what it must forget lies in the frame's storage
      send({ type: "reset" });
    },
  };

  button.onclick = () => show(!open);
  button.onpointerenter = button.onfocus = load;
  host.onkeydown = ({ key }) => {
    if (key === "Escape") show(false);
  };

  look(script.dataset);
  name();
  try {
    heard.look(JSON.parse(recall("localStorage", "look")!));
  } catch {
    // nothing is there yet, or somebody else wrote there
  }
  if (inline) {
    host.classList.add("inline");
    panel.classList.remove("shut");
  }
  // A phone's keyboard covers the lower half of a page without making the page any smaller.
  const seen = visualViewport!;
  seen.addEventListener("resize", () => (panel.style.cssText = `--seen:${seen.height * seen.scale}px`));
  (target ?? document.body).append(host);
  command(commands);

  const idle: (run: () => void) => void = window.requestIdleCallback ?? setTimeout;
  if (inline) load();
  else if (recall("sessionStorage", "open")) idle(() => show(true, false));
  else if (recall("localStorage", "active")) idle(load);
  // The server writes there the ends of the keys of sites whose launcher says something by itself (nudge.ts).
  if ("%nudges%".includes(key.slice(-4))) import(/* @vite-ignore */ address("/nudge.js")).catch(String);
}

if (script && site && !document.querySelector("minidesk-widget")) {
  if (document.body) start(script, site);
  else addEventListener("DOMContentLoaded", () => start(script, site));
}
