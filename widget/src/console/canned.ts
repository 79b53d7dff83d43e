/** Saved replies in the composer: `/` at the start of a word opens the list (`offers.ts`). */
import { offers } from "./offers";

interface Reply {
  name: string;
  text: string;
  missing: string[];
  id?: string; // of a macro
  does?: string; // what a macro changes, in words
}

const PREVIEW = 110;
// From a slash at the start of a word to the caret, on one line. "and/or" and addresses open nothing.
const ASKED = /(?:^|\s)\/([^\n/]*)$/;

export function canned(element: HTMLElement): () => void {
  const form = element.closest("form")!;
  const text = form.querySelector("textarea")!;
  const missing = form.querySelector<HTMLElement>("[data-missing]")!;
  const button = form.querySelector<HTMLElement>("[data-open-canned]")!;

  const list = offers<Reply>(element, text, {
    asked: ASKED,
    active: () => true,
    read: (body) => (body as { replies: Reply[] }).replies,
    name: (reply) => reply.name,
    words: (reply) => reply.text,
    drawn: (reply) => {
      const [name, words] = [document.createElement("b"), document.createElement("span")];
      name.textContent = reply.name;
      const preview = reply.text.replace(/\s+/g, " ").slice(0, PREVIEW);
      words.textContent = reply.does ? `${preview} → ${reply.does}` : preview;
      return [name, words];
    },
    insert: (reply, at) => {
      text.setRangeText(reply.text, at, text.selectionStart, "end");
      const gap = reply.missing[0] ? text.value.indexOf(`{{${reply.missing[0]}}}`, at) : -1;
      if (gap >= 0) text.setSelectionRange(gap, gap + reply.missing[0]!.length + 4); // the next thing typed fills it
      if (reply.id) arm(reply);
    },
  });

  /** A macro is done with the text that it was inserted with; until then it says what it will do. */
  function arm(reply: Reply): void {
    const [id, line] = [form.querySelector<HTMLInputElement>("[data-macro-id]")!, form.querySelector<HTMLElement>("[data-macro]")!];
    id.value = reply.id!;
    id.disabled = line.hidden = false;
    line.querySelector("b")!.textContent = reply.does ?? "";
  }

  /** Names what has no value, for as long as it stands in the text. */
  const warn = () => {
    const left = [...form.querySelectorAll<HTMLElement>("[data-variable]")].filter((each) => text.value.includes(`{{${each.dataset["variable"]}}}`));
    missing.hidden = !left.length;
    const words = left.map((each) => `{{${each.dataset["variable"]}}} (${each.textContent})`).join(", ");
    const line = missing.querySelector("span")!;
    if (line.textContent !== words) line.textContent = words;
  };
  const open = () => {
    text.focus();
    if (!list.asked()) {
      const before = text.value.slice(0, text.selectionStart);
      text.setRangeText(before && !/\s$/.test(before) ? " /" : "/", text.selectionStart, text.selectionEnd, "end");
    }
    list.look(true);
  };

  text.addEventListener("input", warn);
  button.addEventListener("click", open);
  warn(); // a draft that came back
  return () => {
    list.stop();
    text.removeEventListener("input", warn);
    button.removeEventListener("click", open);
  };
}
