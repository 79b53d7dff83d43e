/**
 * Citation numbers in an answer. The server's html may carry them as `<sup>1</sup>`; where it does not, they are put at
 * the ends of the sentences that the events name. Either way they become buttons that open the passage.
 */
import type { Mark } from "../state";
import type { Translate } from "../texts";
import type { Citation } from "../types";

const WORDLY = /[\p{L}\p{N}]/u;

/** What still belongs to a sentence after its last letter: up to its full stop and the quotes behind, or else up to a space. */
const TAIL = /^(?:[^\p{L}\p{N}]*?[.!?…。]["'”’»)]*|[^\s\p{L}\p{N}]*)/u;

/** How many letters and digits the reader sees of `text`: neither Markdown's list numbers nor its link addresses show. */
function seen(text: string): number {
  const shown = text.replace(/\]\([^)\s]*\)/g, "]").replace(/^\s*\d+[.)]\s/gm, "");
  return [...shown].filter((one) => WORDLY.test(one)).length;
}

function button(n: number, citations: readonly Citation[], t: Translate): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "cite";
  made.dataset["n"] = String(n);
  made.textContent = String(n);
  made.setAttribute("aria-label", t("source", { n, title: citations.find((one) => one.n === n)?.title ?? "" }));
  return made;
}

/** Writes the numbers after the sentence that ends with the mark's character. */
function place(root: Element, text: string, marks: readonly Mark[]): void {
  const characters = [...text];
  const wanted = marks.map((mark) => ({ count: seen(characters.slice(0, mark.end).join("")), numbers: mark.numbers }));
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let count = 0;
  let last: Text | null = null;
  let next = wanted.shift();
  const put = (after: Text, numbers: readonly number[]) =>
    after.after(
      ...numbers.map((n) => {
        const sup = document.createElement("sup");
        sup.textContent = String(n);
        return sup;
      }),
    );
  for (let node = walker.nextNode() as Text | null; node && next; node = walker.nextNode() as Text | null) {
    last = node;
    let at = 0;
    for (const character of node.data) {
      at += character.length;
      if (!WORDLY.test(character) || ++count < next.count) continue;
      const tail = TAIL.exec(node.data.slice(at))?.[0].length ?? 0;
      const rest = node.splitText(at + tail);
      put(node, next.numbers);
      next = wanted.shift();
      walker.currentNode = rest.previousSibling?.lastChild ?? node; // the number just written is not part of the words
      break;
    }
  }
  for (; next && last; next = wanted.shift()) put(last, next.numbers); // the html is not what we thought: at the end
}

/** Shows an answer's html in `root`. */
export function show(root: HTMLElement, html: string, text: string, marks: readonly Mark[], citations: readonly Citation[], t: Translate): void {
  root.innerHTML = html; // cleaned by the server's one renderer
  for (const link of root.querySelectorAll("a")) {
    link.target = "_blank"; // inside the frame the page would be lost in a small window
    link.rel = "noopener noreferrer";
  }
  if (marks.length && !root.querySelector("sup")) place(root, text, marks);
  for (const sup of root.querySelectorAll("sup")) {
    const n = Number(sup.textContent);
    if (n) sup.replaceChildren("\u2060", button(n, citations, t)); // word joiner: the number stays on its sentence's line
  }
}
