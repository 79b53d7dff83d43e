/**
 * The command bar (Ctrl+K): every page one may go to, what the open page offers to do, the conversations of its list, and the
 * search. Nothing of that is listed here: it is read from the page's own links, keys and forms each time the bar is opened, and
 * choosing an entry presses what it was read from. The focus never leaves the field.
 */
import { use } from "./desk";

interface Command {
  group: "actions" | "places" | "talks" | "find";
  name: string;
  beside: string; // the part that a place belongs to, or the key of an action
  words?: string; // what else it is found by
  asked: boolean; // only for whoever looks for it by its words
  run: () => void;
}

const GROUPS = ["actions", "places", "talks", "find"] as const;
const TALKS = 8;

const visible = (element: Element) => element.checkVisibility({ visibilityProperty: true });
/** Letters alone: "Ubersetzen" finds "Übersetzen". */
const plain = (words: string) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** What an element is called, without its key. */
function nameOf(element: HTMLElement): string {
  const field = element as HTMLInputElement;
  const label = field.matches("input, select") ? field.labels?.[0] : null;
  const copy = (label ?? element).cloneNode(true) as HTMLElement;
  for (const extra of copy.querySelectorAll("kbd, select, input, .icon, .face, b")) extra.remove();
  return (element.getAttribute("aria-label") ?? copy.textContent ?? "").replace(/\s+/g, " ").trim();
}

/** Forms that need nothing but their button can be used at once; the others by opening what they stand in. */
const isComplete = (form: HTMLFormElement) => [...form.elements].every((field) => field.matches("button, [type=hidden]"));

function pressed(group: Command["group"], element: HTMLElement, within = "", asked = false): Command {
  const name = nameOf(element);
  return { group, name: within ? `${within}: ${name}` : name, beside: element.dataset["key"] ?? element.querySelector("kbd")?.textContent ?? "", asked, run: () => use(element) };
}

/** A choice of a list, as one entry each. */
function choices(select: HTMLSelectElement): Command[] {
  const label = nameOf(select);
  return [...select.options].filter((option) => !option.selected && option.value).map((option) => ({
    group: "actions", name: `${label}: ${option.text}`, beside: "", asked: true,
    run: () => {
      select.value = option.value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
  }));
}

function actions(): Command[] {
  const found: Command[] = [];
  const seen = new Set<Element>();
  const add = (element: HTMLElement, within = "", asked = false) => {
    if (seen.has(element) || (element as HTMLButtonElement).disabled || !nameOf(element)) return;
    seen.add(element);
    found.push(pressed("actions", element, within, asked));
  };
  // First what changes nothing yet: Enter comes easily. Then what moves the conversation on, then the page's other keys.
  for (const element of document.querySelectorAll<HTMLElement>(".composer .kinds [data-key]")) if (visible(element)) add(element);
  for (const element of document.querySelectorAll<HTMLElement>("#talk-actions > form button, #talk-actions > details > summary")) if (visible(element)) add(element);
  for (const element of document.querySelectorAll<HTMLElement>("[data-key]:not([data-key='/']), [data-open-canned]")) if (visible(element)) add(element);
  for (const details of document.querySelectorAll("#talk-actions details, .helps details")) {
    if (!visible(details)) continue;
    const within = nameOf(details.querySelector("summary")!);
    for (const button of details.querySelectorAll<HTMLButtonElement>("button:not(.danger)")) {
      const ready = button.hasAttribute("data-assist") || isComplete(button.form!);
      if (ready) add(button, within, true);
    }
  }
  for (const select of document.querySelectorAll<HTMLSelectElement>(".routing select, .me select[data-submit]")) found.push(...choices(select));
  for (const button of document.querySelectorAll<HTMLButtonElement>(".me .menu button:not([hidden], [data-open=commands])")) {
    if (!button.form || isComplete(button.form)) add(button, "", true);
  }
  return found;
}

function places(known: HTMLElement): Command[] {
  const found = new Map<string, Command>();
  const links = document.querySelectorAll<HTMLAnchorElement>(".rail nav a, .me .menu a, nav.saved a");
  for (const link of [...links, ...known.querySelectorAll("a")]) {
    const href = link.getAttribute("href")!;
    const before = found.get(href);
    if (before) before.words = nameOf(link); // the same page under its own title
    else found.set(href, { group: "places", name: nameOf(link), beside: link.dataset["part"] ?? "", asked: false, run: () => location.assign(href) });
  }
  return [...found.values()];
}

function talks(): Command[] {
  return [...document.querySelectorAll<HTMLAnchorElement>("a[data-row] .subject")].map((subject) => {
    const row = subject.closest("a")!;
    return { group: "talks", name: subject.textContent!.trim(), beside: row.querySelector("time")?.textContent ?? "", asked: true, run: () => row.click() };
  });
}

/** How well the words fit: 0 its beginning, 1 beginnings of words, 2 anywhere, -1 not at all. */
function fit(command: Command, words: string[]): number {
  const name = plain(command.name);
  if (!words.every((word) => `${name} ${plain(command.beside)} ${plain(command.words ?? "")}`.includes(word))) return -1;
  if (name.startsWith(words.join(" "))) return 0;
  return words.every((word) => ` ${name}`.includes(` ${word}`)) ? 1 : 2;
}

export function commands(element: HTMLElement): () => void {
  const dialog = element as HTMLDialogElement;
  const field = dialog.querySelector("input")!;
  const box = dialog.querySelector<HTMLElement>("[role=listbox]")!;
  const status = dialog.querySelector<HTMLElement>("[data-status]")!;
  const known = dialog.querySelector<HTMLElement>("[data-known]")!;
  let all: Command[] = [];
  let shown: Command[] = [];
  let chosen = 0;

  const read = () => [...actions(), ...places(known), ...talks()];

  function search(words: string): Command {
    const name = dialog.dataset["find"]!.replace("{}", words);
    return { group: "find", name, beside: "", asked: false, run: () => location.assign(`/console/search?q=${encodeURIComponent(words)}`) };
  }

  function look(): void {
    const typed = field.value.trim();
    const words = plain(typed).split(/\s+/).filter(Boolean);
    const fitting = words.length ? all.map((command) => ({ command, at: fit(command, words) })).filter(({ at }) => at >= 0) : all.filter((each) => !each.asked).map((command) => ({ command, at: 0 }));
    fitting.sort((a, b) => a.at - b.at); // stable: the page's order stays among equals
    const of = (group: Command["group"]) => fitting.filter(({ command }) => command.group === group).map(({ command }) => command);
    shown = [...of("actions"), ...of("places"), ...of("talks").slice(0, TALKS), ...(typed ? [search(typed)] : [])];
    draw();
  }

  function draw(): void {
    box.replaceChildren(...GROUPS.map(group).filter((each) => each !== null));
    status.textContent = dialog.dataset["count"]!.replace("{}", String(shown.length));
    choose(0);
  }

  function group(name: Command["group"]): HTMLElement | null {
    const of = shown.filter((command) => command.group === name);
    if (!of.length) return null;
    const part = document.createElement("div");
    part.setAttribute("role", "group");
    const title = dialog.dataset[name];
    if (title && name !== "find") {
      const head = document.createElement("p");
      Object.assign(head, { className: "quiet small", textContent: title });
      head.setAttribute("role", "presentation");
      part.setAttribute("aria-label", title);
      part.append(head);
    } else part.setAttribute("aria-label", of[0]!.name);
    part.append(...of.map((command) => option(command)));
    return part;
  }

  function option(command: Command): HTMLElement {
    const item = document.createElement("div");
    const [name, beside] = [document.createElement("span"), document.createElement(command.group === "actions" ? "kbd" : "span")];
    name.textContent = command.name;
    beside.textContent = command.beside;
    beside.classList.add("beside");
    item.id = `command-${shown.indexOf(command)}`;
    item.setAttribute("role", "option");
    item.append(name, ...(command.beside ? [beside] : []));
    return item;
  }

  function choose(n: number): void {
    chosen = shown.length ? (n + shown.length) % shown.length : 0;
    const options = [...box.querySelectorAll("[role=option]")];
    options.forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    const current = options[chosen];
    if (!current) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", current.id);
    current.scrollIntoView({ block: "nearest" });
    if (!chosen) box.scrollTop = 0; // with the heading above it
  }

  function run(command: Command | undefined): void {
    if (!command) return;
    dialog.close(); // gives the focus back to where it was
    // Not within the press: a menu that is opened by it would take the same press for one beside itself, and close.
    // And read anew: what was read when the bar was opened may have been replaced by what came since.
    window.setTimeout(() => (read().find((each) => each.group === command.group && each.name === command.name) ?? command).run(), 0);
  }

  const opened = () => {
    all = read();
    field.value = "";
    look();
    field.focus();
  };
  const press = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) choose(chosen + by);
    else if (event.key === "Enter") run(shown[chosen]);
    else if (event.key === "Escape") dialog.close(); // at once: the browser would take its time, and lose the key pressed next
    else return;
    event.preventDefault();
  };
  const point = (event: MouseEvent) => {
    if (event.target === dialog) return dialog.close(); // beside it
    const item = (event.target as Element).closest("[role=option]");
    if (item) run(shown[[...box.querySelectorAll("[role=option]")].indexOf(item)]);
  };
  const hold = (event: MouseEvent) => event.target !== field && event.preventDefault(); // the field keeps the focus
  dialog.addEventListener("desk:open", opened);
  field.addEventListener("input", look);
  field.addEventListener("keydown", press);
  dialog.addEventListener("click", point);
  box.addEventListener("mousedown", hold);
  return () => {
    dialog.removeEventListener("desk:open", opened);
    field.removeEventListener("input", look);
    field.removeEventListener("keydown", press);
    dialog.removeEventListener("click", point);
    box.removeEventListener("mousedown", hold);
  };
}
