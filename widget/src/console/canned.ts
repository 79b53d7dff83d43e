/**
 * Saved replies in the composer. `/` at the start of a word opens the list, what is typed behind it searches, the arrow keys
 * choose, Enter or Tab inserts, Escape closes. The focus never leaves the field.
 */

interface Reply {
  name: string;
  text: string;
  missing: string[];
  id?: string; // of a macro
  does?: string; // what a macro changes, in words
}

const SHOWN = 50; // whoever has more of them types another letter
const PREVIEW = 110;
// From a slash at the start of a word to the caret, on one line. "and/or" and addresses open nothing.
const ASKED = /(?:^|\s)\/([^\n/]*)$/;

export function canned(element: HTMLElement): () => void {
  const form = element.closest("form")!;
  const text = form.querySelector("textarea")!;
  const box = element.querySelector<HTMLElement>(".canned-list")!;
  const options = box.querySelector("ul")!;
  const said = box.querySelector<HTMLElement>("[data-said]")!;
  const status = element.querySelector<HTMLElement>("[data-status]")!;
  const missing = form.querySelector<HTMLElement>("[data-missing]")!;
  const button = form.querySelector<HTMLElement>("[data-open-canned]")!;
  let replies: Reply[] | null = null;
  let shown: Reply[] = [];
  let chosen = 0;
  let dismissed = -1; // the slash that Escape closed the list of

  /** Where the slash before the caret stands and what is typed behind it; null where there is none. */
  function asked(): { at: number; words: string[] } | null {
    const before = text.value.slice(0, text.selectionStart);
    const found = text.selectionStart === text.selectionEnd ? ASKED.exec(before) : null;
    if (!found) return null;
    const typed = found[1]!;
    return { at: before.length - typed.length - 1, words: typed.toLowerCase().split(/\s+/).filter(Boolean) };
  }

  async function look(): Promise<void> {
    const now = asked();
    if (!now || now.at === dismissed) {
      if (!now) dismissed = -1;
      close();
      return;
    }
    if (!replies && !(await fetchReplies())) return;
    const still = asked();
    if (!still || document.activeElement !== text) return close();
    const matches = (reply: Reply) => still.words.every((word) => `${reply.name}\n${reply.text}`.toLowerCase().includes(word));
    const named = (reply: Reply) => still.words.every((word) => reply.name.toLowerCase().includes(word));
    const found = replies!.filter(matches);
    shown = [...found.filter(named), ...found.filter((reply) => !named(reply))].slice(0, SHOWN);
    // A slash that no reply is meant by, such as "/ 2 pieces": out of the way after its first word.
    if (!shown.length && /\s/.test(text.value.slice(still.at, text.selectionStart))) return close();
    chosen = 0;
    draw();
  }

  async function fetchReplies(): Promise<boolean> {
    try {
      const answer = await fetch(element.dataset["url"]!, { headers: { Accept: "application/json", "HX-Request": "true" } });
      if (answer.status === 401) location.reload(); // leads to the sign-in page and back here
      if (!answer.ok) throw new Error(String(answer.status));
      replies = ((await answer.json()) as { replies: Reply[] }).replies;
      return true;
    } catch {
      shown = [];
      draw(element.dataset["failed"]);
      return false;
    }
  }

  function draw(problem?: string): void {
    options.replaceChildren(...shown.map(option));
    options.hidden = !shown.length;
    const none = replies?.length ? element.dataset["none"] : element.dataset["empty"];
    said.textContent = shown.length ? "" : (problem ?? none ?? "");
    status.textContent = shown.length ? `${element.dataset["count"]} ${shown.length}` : said.textContent;
    box.hidden = false;
    choose(0);
  }

  function option(reply: Reply, n: number): HTMLLIElement {
    const item = document.createElement("li");
    const [name, words] = [document.createElement("b"), document.createElement("span")];
    name.textContent = reply.name;
    const preview = reply.text.replace(/\s+/g, " ").slice(0, PREVIEW);
    words.textContent = reply.does ? `${preview} → ${reply.does}` : preview;
    item.id = `canned-${n}`;
    item.setAttribute("role", "option");
    item.append(name, words);
    return item;
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
    replies = null; // fetched anew next time: somebody may have changed them
  }

  function insert(reply: Reply | undefined): void {
    const now = asked();
    if (!reply || !now) return;
    close();
    text.focus();
    text.setRangeText(reply.text, now.at, text.selectionStart, "end");
    const gap = reply.missing[0] ? text.value.indexOf(`{{${reply.missing[0]}}}`, now.at) : -1;
    if (gap >= 0) text.setSelectionRange(gap, gap + reply.missing[0]!.length + 4); // the next thing typed fills it
    if (reply.id) arm(reply);
    text.dispatchEvent(new Event("input", { bubbles: true })); // the draft is kept
    warn();
  }

  /** A macro is done with the text that it was inserted with; until then it says what it will do. */
  function arm(reply: Reply): void {
    const [id, line] = [form.querySelector<HTMLInputElement>("[data-macro-id]")!, form.querySelector<HTMLElement>("[data-macro]")!];
    id.value = reply.id!;
    id.disabled = line.hidden = false;
    line.querySelector("b")!.textContent = reply.does ?? "";
  }

  /** Names what has no value, for as long as it stands in the text. */
  function warn(): void {
    const left = [...form.querySelectorAll<HTMLElement>("[data-variable]")].filter((each) => text.value.includes(`{{${each.dataset["variable"]}}}`));
    missing.hidden = !left.length;
    const words = left.map((each) => `{{${each.dataset["variable"]}}} (${each.textContent})`).join(", ");
    const line = missing.querySelector("span")!;
    if (line.textContent !== words) line.textContent = words;
  }

  const typed = () => {
    warn();
    void look();
  };
  const press = (event: KeyboardEvent) => {
    if (box.hidden || event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") dismissed = asked()?.at ?? -1;
    else if (by && shown.length) choose(chosen + by);
    else if ((event.key === "Enter" || event.key === "Tab") && shown.length && !event.ctrlKey && !event.metaKey && !event.shiftKey) insert(shown[chosen]);
    else return;
    if (event.key === "Escape") close();
    event.preventDefault();
    event.stopPropagation(); // Escape would leave the field, too
  };
  const point = (event: MouseEvent) => {
    const item = (event.target as Element).closest("[role=option]");
    if (!item) return;
    event.preventDefault(); // the field keeps the focus
    insert(shown[[...options.children].indexOf(item)]);
  };
  const open = () => {
    text.focus();
    if (!asked()) {
      const before = text.value.slice(0, text.selectionStart);
      text.setRangeText(before && !/\s$/.test(before) ? " /" : "/", text.selectionStart, text.selectionEnd, "end");
    }
    dismissed = -1;
    void look();
  };
  const leave = () => window.setTimeout(() => !form.contains(document.activeElement) && close(), 100);
  const caret = (event: KeyboardEvent) => ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key) && void look();

  text.addEventListener("input", typed);
  text.addEventListener("click", typed);
  text.addEventListener("keydown", press);
  text.addEventListener("keyup", caret);
  text.addEventListener("blur", leave);
  box.addEventListener("mousedown", point);
  button.addEventListener("click", open);
  warn(); // a draft that came back
  return () => {
    text.removeEventListener("input", typed);
    text.removeEventListener("click", typed);
    text.removeEventListener("keydown", press);
    text.removeEventListener("keyup", caret);
    text.removeEventListener("blur", leave);
    box.removeEventListener("mousedown", point);
    button.removeEventListener("click", open);
  };
}
