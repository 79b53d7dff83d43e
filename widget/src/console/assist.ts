/**
 * Help with a reply: a draft from the pages, other words, another language. What comes back stands in the field, and can be undone.
 * The buttons are of the form and work without this: the server then answers with the whole page.
 */

interface Source {
  n: number;
  title: string;
  quote: string;
  href: string;
  url: string | null;
  internal: boolean;
}

interface Help {
  text: string;
  said: string;
  original: string;
  sources: Source[];
}

export function assist(element: HTMLElement): () => void {
  const form = element.closest("form")!;
  const text = form.querySelector<HTMLTextAreaElement>("textarea")!;
  const told = element.querySelector<HTMLElement>("[data-told]")!;
  const undo = told.querySelector("button")!;
  const originals = element.querySelector<HTMLElement>("[data-originals]")!;
  const original = element.querySelector<HTMLInputElement>("[name=original]")!;
  const listed = element.querySelector<HTMLElement>("[data-listed]")!;
  const problem = form.querySelector<HTMLElement>("[data-problem]")!;
  const buttons = [...form.querySelectorAll<HTMLButtonElement>("[data-assist]")];
  let before: { text: string; original: string } | null = null;
  let round = 0; // an answer to an earlier press, or for a reply that was sent meanwhile, is not put in

  function say(words: string): void {
    told.querySelector("span")!.textContent = words;
    told.hidden = !words;
    undo.hidden = !before || !words;
  }

  function keepOriginal(words: string): void {
    original.value = words;
    originals.hidden = !words;
    originals.querySelector("span")!.textContent = words;
  }

  function list(sources: Source[]): void {
    listed.hidden = !sources.length;
    listed.querySelector("ol")!.replaceChildren(...sources.map(line));
  }

  function line(source: Source): HTMLLIElement {
    const item = document.createElement("li");
    const quote = document.createElement("q");
    item.value = source.n;
    quote.className = "quiet";
    quote.textContent = source.quote;
    item.append(link(source.href, source.title));
    if (source.url && /^https?:/.test(source.url)) item.append(" ", link(source.url, element.dataset["page"]!));
    if (source.internal) {
      const tag = document.createElement("span");
      tag.className = "tag wait";
      tag.textContent = element.dataset["internal"]!;
      item.append(" ", tag);
    }
    item.append(" ", quote);
    return item;
  }

  function link(href: string, words: string): HTMLAnchorElement {
    const anchor = document.createElement("a");
    Object.assign(anchor, { href, textContent: words, target: "_blank", rel: "noopener noreferrer" });
    return anchor;
  }

  function put(words: string): void {
    text.value = words;
    text.dispatchEvent(new Event("input", { bubbles: true })); // the draft is kept, and others see that somebody writes
  }

  async function ask(button: HTMLButtonElement): Promise<void> {
    const mine = ++round;
    const typed = text.value;
    const fields = { assist: button.value, text: typed, original: original.value };
    const headers = { "X-CSRF-Token": document.body.dataset["csrf"] ?? "", "HX-Request": "true", Accept: "application/json" };
    button.closest("details")?.removeAttribute("open");
    before = null;
    problem.hidden = true;
    say(element.dataset["busy"]!);
    wait(true);
    text.focus();
    try {
      const answer = await fetch(button.formAction, { method: "POST", headers, body: new URLSearchParams(fields) });
      if (answer.status === 401) return location.reload(); // leads to the sign-in page and back here
      const body = (await answer.json()) as Help & { error?: { message: string } };
      if (mine !== round) return;
      if (!answer.ok) return fail(body.error?.message);
      taken(body, typed);
    } catch {
      if (mine === round) fail();
    } finally {
      if (mine === round) wait(false);
    }
  }

  /** What was typed while the server was at work is not lost: what came goes below it. */
  function taken(help: Help, typed: string): void {
    const more = text.value !== typed;
    before = { text: text.value, original: original.value };
    form.querySelector<HTMLInputElement>('[value="reply"]')!.checked = true;
    if (help.text !== typed && !more) put(help.text);
    else if (more) put(`${text.value.trimEnd()}\n\n${help.text}`);
    else before = null;
    keepOriginal(help.original);
    list(help.sources);
    say(help.said);
    text.focus();
  }

  function fail(words?: string): void {
    say("");
    problem.textContent = words ?? element.dataset["failed"]!;
    problem.hidden = false;
  }

  function wait(busy: boolean): void {
    for (const button of buttons) button.disabled = busy;
    form.toggleAttribute("aria-busy", busy);
  }

  /** The reply that stands in the panel already: below what was typed, as a draft's answer does. */
  const suggestion = () => document.querySelector<HTMLElement>("[data-suggested]");
  function useSuggestion(from: HTMLElement): void {
    const help = JSON.parse(from.dataset["suggested"]!) as Help;
    const typed = text.value;
    problem.hidden = true;
    taken({ ...help, text: `${typed.trimEnd()}\n\n${help.text}`.trim() }, typed);
  }
  const press = (event: Event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-assist]");
    if (!button) return;
    event.preventDefault();
    const known = button.value === "draft" ? suggestion() : null;
    if (known) useSuggestion(known);
    else void ask(button);
  };
  const suggested = (event: Event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-suggested]");
    if (button) useSuggestion(button);
  };
  const back = () => {
    if (!before) return;
    put(before.text);
    keepOriginal(before.original);
    list([]);
    before = null;
    say("");
    text.focus();
  };
  /** A field that was emptied holds no draft any more, and no translation. */
  const clear = () => {
    if (text.value || !element.isConnected) return;
    keepOriginal("");
    list([]);
    before = null;
    if (!form.hasAttribute("aria-busy")) say("");
  };
  const sent = (event: Event) => {
    const { successful, elt } = (event as CustomEvent<{ successful: boolean; elt: Element }>).detail;
    if (elt !== form || !successful) return;
    round += 1;
    wait(false);
    before = null;
    keepOriginal("");
    list([]);
    say("");
  };
  form.addEventListener("click", press);
  document.addEventListener("click", suggested);
  form.addEventListener("htmx:afterRequest", sent);
  text.addEventListener("input", clear);
  undo.addEventListener("click", back);
  return () => {
    form.removeEventListener("click", press);
    document.removeEventListener("click", suggested);
    form.removeEventListener("htmx:afterRequest", sent);
    text.removeEventListener("input", clear);
  };
}
