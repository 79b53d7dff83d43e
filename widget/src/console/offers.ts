/**
 * A list over the composer that a sign in the text opens: what is typed behind the sign searches, the arrow keys choose, Enter or
 * Tab inserts, Escape closes. The focus never leaves the field. What is offered is fetched each time the list is opened.
 */

const SHOWN = 50; // whoever has more of them types another letter

/** What one sign offers. */
export interface Offer<T> {
  asked: RegExp; // from the sign to the caret; the first group is what is typed behind the sign
  active: () => boolean;
  read: (body: unknown) => T[];
  name: (item: T) => string;
  words: (item: T) => string; // what is searched besides the name
  drawn: (item: T) => HTMLElement[];
  /** Puts it in the place of the text from `at` to the caret. */
  insert: (item: T, at: number) => void;
}

/** `element` holds the list, its lines and their words; `look` opens it where the caret stands behind a sign. */
export function offers<T>(element: HTMLElement, text: HTMLTextAreaElement, offer: Offer<T>): { look: (again?: boolean) => void; asked: () => boolean; stop: () => void } {
  const form = element.closest("form")!;
  const box = element.querySelector<HTMLElement>(".canned-list")!;
  const options = box.querySelector("ul")!;
  const said = box.querySelector<HTMLElement>("[data-said]")!;
  const status = element.querySelector<HTMLElement>("[data-status]")!;
  let items: T[] | null = null;
  let shown: T[] = [];
  let chosen = 0;
  let dismissed = -1; // the sign that Escape closed the list of

  /** Where the sign before the caret stands and what is typed behind it; null where there is none. */
  function asked(): { at: number; words: string[] } | null {
    const before = text.value.slice(0, text.selectionStart);
    const found = text.selectionStart === text.selectionEnd && offer.active() ? offer.asked.exec(before) : null;
    if (!found) return null;
    const typed = found[1]!;
    return { at: before.length - typed.length - 1, words: typed.toLowerCase().split(/\s+/).filter(Boolean) };
  }

  async function look(again = false): Promise<void> {
    if (again) dismissed = -1;
    const now = asked();
    if (!now || now.at === dismissed) {
      if (!now) dismissed = -1;
      close();
      return;
    }
    if (!items && !(await fetchItems())) return;
    const still = asked();
    // A list that came late must not open again what Escape has closed: the next Escape would not leave the field.
    if (!still || still.at === dismissed || document.activeElement !== text) return close();
    const named = (item: T) => still.words.every((word) => offer.name(item).toLowerCase().includes(word));
    const matches = (item: T) => still.words.every((word) => `${offer.name(item)}\n${offer.words(item)}`.toLowerCase().includes(word));
    const found = items!.filter(matches);
    shown = [...found.filter(named), ...found.filter((item) => !named(item))].slice(0, SHOWN);
    // A sign that nothing of ours is meant by, such as "/ 2 pieces": out of the way after its first word.
    if (!shown.length && /\s/.test(text.value.slice(still.at, text.selectionStart))) return close();
    draw();
  }

  async function fetchItems(): Promise<boolean> {
    try {
      const answer = await fetch(element.dataset["url"]!, { headers: { Accept: "application/json", "HX-Request": "true" } });
      if (answer.status === 401) location.reload(); // leads to the sign-in page and back here
      if (!answer.ok) throw new Error(String(answer.status));
      items = offer.read(await answer.json());
      return true;
    } catch {
      if (asked()?.at === dismissed) return false;
      shown = [];
      draw(element.dataset["failed"]);
      return false;
    }
  }

  function draw(problem?: string): void {
    options.replaceChildren(...shown.map(option));
    options.hidden = !shown.length;
    const none = items?.length ? element.dataset["none"] : element.dataset["empty"];
    said.textContent = shown.length ? "" : (problem ?? none ?? "");
    status.textContent = shown.length ? `${element.dataset["count"]} ${shown.length}` : said.textContent;
    box.hidden = false;
    text.setAttribute("aria-controls", options.id); // two lists share the field
    choose(0);
  }

  function option(item: T, n: number): HTMLLIElement {
    const line = document.createElement("li");
    line.id = `${options.id}-${n}`;
    line.setAttribute("role", "option");
    line.append(...offer.drawn(item));
    return line;
  }

  function choose(n: number): void {
    chosen = shown.length ? (n + shown.length) % shown.length : 0;
    [...options.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    const current = options.children[chosen];
    if (!current) return text.removeAttribute("aria-activedescendant");
    text.setAttribute("aria-activedescendant", current.id);
    current.scrollIntoView({ block: "nearest" });
  }

  function close(): void {
    if (box.hidden) return;
    box.hidden = true;
    status.textContent = "";
    text.removeAttribute("aria-activedescendant");
    items = null; // fetched anew next time: somebody may have changed them
  }

  function insert(item: T | undefined): void {
    const now = asked();
    if (!item || !now) return;
    close();
    text.focus();
    offer.insert(item, now.at);
    dismissed = now.at; // a name that stands there asks for no list
    text.dispatchEvent(new Event("input", { bubbles: true })); // the draft is kept
  }

  const typed = () => void look();
  const press = (event: KeyboardEvent) => {
    if (box.hidden || event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") dismissed = asked()?.at ?? -1;
    else if (by && shown.length) choose(chosen + by);
    else if ((event.key === "Enter" || event.key === "Tab") && shown.length && !event.ctrlKey && !event.metaKey && !event.shiftKey) insert(shown[chosen]);
    else return;
    if (event.key === "Escape") close();
    event.preventDefault();
    event.stopImmediatePropagation(); // Escape would leave the field, and one press is for one list
  };
  const point = (event: MouseEvent) => {
    const item = (event.target as Element).closest("[role=option]");
    if (!item) return;
    event.preventDefault(); // the field keeps the focus
    insert(shown[[...options.children].indexOf(item)]);
  };
  const leave = () => window.setTimeout(() => !form.contains(document.activeElement) && close(), 100);
  const caret = (event: KeyboardEvent) => ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key) && void look();

  text.addEventListener("input", typed);
  text.addEventListener("click", typed);
  text.addEventListener("keydown", press);
  text.addEventListener("keyup", caret);
  text.addEventListener("blur", leave);
  box.addEventListener("mousedown", point);
  return {
    look: (again) => void look(again),
    asked: () => asked() !== null,
    stop: () => {
      text.removeEventListener("input", typed);
      text.removeEventListener("click", typed);
      text.removeEventListener("keydown", press);
      text.removeEventListener("keyup", caret);
      text.removeEventListener("blur", leave);
      box.removeEventListener("mousedown", point);
    },
  };
}
