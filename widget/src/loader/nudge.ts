/**
 * What the launcher says by itself: loaded only into pages of sites that have rules for it. A small box above the button,
 * once a visitor; it takes no focus, and closing it is remembered. A press opens the chat with that line as its greeting.
 *
 * It stands alone, as the loader does; the server writes the site's rules before it.
 */
type Mark = typeof import("../protocol").MARK;

interface Rule {
  /** Stands for the rule in the browser's storage. */
  id: string;
  /** Where it stands among the site's lines. */
  n: number;
  page: string;
  seconds: number;
  percent: number;
  text: string;
}
declare const minideskNudges: { key: string; label: string; close: string; rules: Rule[] };

const css = `
:host{all:initial;font:15px/22px system-ui,sans-serif}
section{position:fixed;bottom:calc(var(--bottom) + 72px);inset-inline-end:var(--side);z-index:2147482999;display:flex;align-items:start;width:max-content;max-width:min(300px,calc(100vw - 40px));border-radius:16px;background:Canvas;color:CanvasText;color-scheme:light dark;box-shadow:0 4px 24px rgb(0 0 0/24%)}
section:empty{display:none}
:host(.left) section{inset-inline:var(--side) auto}
button{padding:14px 6px 14px 16px;border:0;border-radius:16px;background:none;color:inherit;font:inherit;text-align:start;cursor:pointer;overflow-wrap:anywhere}
button+button{flex:none;min-width:44px;min-height:44px;padding:10px}
button:focus-visible{outline:2px solid;outline-offset:-4px}
@media (prefers-reduced-motion:no-preference){section{animation:come .2s ease-out}@keyframes come{from{opacity:0;transform:translateY(8px)}}}
`;

const { key, label, close, rules } = minideskNudges;
const store = `minidesk:${key}:`;
const mark: Mark = "minidesk2";
const CLOSED = "*";

/** Rules that were shown before; null where the page's storage is blocked: then nobody could say "once". */
function told(more?: string): string[] | null {
  try {
    const name = `${store}nudges`;
    const list = (localStorage.getItem(name) ?? "").split(" ");
    if (more) localStorage.setItem(name, [...list, more].join(" ").trim());
    return list;
  } catch {
    return null;
  }
}

function fits(page: string): boolean {
  const here = page.startsWith("/") ? location.pathname : location.origin + location.pathname;
  const parts = page.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(here);
}

function begin(widget: Element, root: ShadowRoot, panel: Element): void {
  const host = document.createElement("minidesk-nudge");
  const inside = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  inside.adoptedStyleSheets = [sheet];
  // There before its words: a live region that comes with them is not read out.
  const box = document.createElement("section");
  box.role = "status";
  box.ariaLabel = label;
  inside.append(box);
  document.body.append(host);

  let page = location.pathname;
  let seconds = 0;
  let deepest = 0;
  const timer = setInterval(look, 1000);

  function button(text: string, name: string, run: () => void): HTMLButtonElement {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    if (name) made.ariaLabel = name;
    made.onclick = run;
    return made;
  }

  function greet(n: number): void {
    root.querySelector("iframe")?.contentWindow?.postMessage({ mark, type: "greet", nudge: n }, new URL(import.meta.url).origin);
  }

  function pressed(rule: Rule): void {
    box.replaceChildren();
    (window as unknown as { minidesk(name: string): void }).minidesk("open");
    const ready = () => panel.classList.contains("ready"); // it has answered, so it listens
    if (ready()) return greet(rule.n);
    new MutationObserver((_, watch) => {
      if (!ready()) return;
      watch.disconnect();
      greet(rule.n);
    }).observe(panel, { attributes: true });
  }

  function shut(): void {
    told(CLOSED);
    clearInterval(timer);
    box.replaceChildren();
  }

  box.onkeydown = (event) => {
    if (event.key === "Escape") shut();
  };

  function look(): void {
    if (location.pathname !== page) {
      page = location.pathname;
      seconds = deepest = 0;
    }
    if (document.hidden) return;
    seconds++;
    const { scrollHeight } = document.documentElement;
    deepest = Math.max(deepest, ((scrollY + innerHeight) / scrollHeight) * 100);
    host.classList.toggle("left", widget.classList.contains("left"));
    for (const edge of ["--side", "--bottom"]) host.style.setProperty(edge, getComputedStyle(widget).getPropertyValue(edge));
    const before = told();
    if (!before || before.includes(CLOSED)) return clearInterval(timer);
    // Who is in the chat is not to be called into it.
    if (!panel.classList.contains("shut") || localStorage.getItem(`${store}active`)) return box.replaceChildren();
    if (box.firstChild) return;
    const rule = rules.find((one) => !before.includes(one.id) && fits(one.page) && seconds >= one.seconds && Math.ceil(deepest) >= one.percent);
    if (!rule) return;
    told(rule.id);
    box.append(
      button(rule.text, "", () => pressed(rule)),
      button("×", close, shut),
    );
  }
}

const widget = document.querySelector("minidesk-widget");
const panel = widget?.shadowRoot?.querySelector("div");
if (widget?.shadowRoot && panel && !widget.classList.contains("inline")) begin(widget, widget.shadowRoot, panel);
