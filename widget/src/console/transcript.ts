/** The transcript stays at its end while it is read there, and shows where a word of the summary was said. */

export function transcript(element: HTMLElement): () => void {
  const nearEnd = () => element.scrollHeight - element.scrollTop - element.clientHeight < 80;
  const toEnd = () => (element.scrollTop = element.scrollHeight);
  const hit = element.querySelector(".entry.hit"); // a search led here
  let following = !hit && !location.hash.startsWith("#m-");
  const scrolled = () => (following = nearEnd());
  const watcher = new MutationObserver(() => following && toEnd());
  const sizes = new ResizeObserver(() => following && toEnd());

  const press = (event: MouseEvent) => {
    const link = (event.target as Element).closest<HTMLElement>("[data-evidence]");
    if (!link) return;
    const message = document.getElementById(link.dataset["evidence"] ?? "");
    if (!message) return;
    event.preventDefault();
    following = false;
    if (location.hash === "#panel") location.replace("#main"); // on a small screen the panel covers the transcript
    show(message, link.dataset["words"] ?? "");
  };

  element.addEventListener("scroll", scrolled, { passive: true });
  watcher.observe(element, { childList: true, subtree: true, characterData: true });
  sizes.observe(element);
  document.addEventListener("click", press);
  if (hit) hit.scrollIntoView({ block: "center" });
  else if (following) toEnd();
  return () => {
    element.removeEventListener("scroll", scrolled);
    document.removeEventListener("click", press);
    watcher.disconnect();
    sizes.disconnect();
  };
}

/** Scrolls to the message and marks the words, or, in browsers that cannot mark words, the message. */
function show(message: HTMLElement, words: string): void {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  message.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  const range = find(message.querySelector(".md") ?? message, words);
  if (range && "highlights" in CSS) {
    CSS.highlights.set("evidence", new Highlight(range));
    window.setTimeout(() => CSS.highlights.delete("evidence"), 6000);
    return;
  }
  message.classList.add("flash");
  window.setTimeout(() => message.classList.remove("flash"), 2500);
}

/** Where `words` stand in the text of `root`, whatever the white space and case. */
function find(root: Node, words: string): Range | null {
  const wanted = words.replace(/\s+/g, "").toLowerCase();
  if (!wanted) return null;
  const letters: { node: Text; at: number }[] = [];
  let text = "";
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode as Text;
    for (let at = 0; at < node.data.length; at += 1) {
      const letter = node.data[at]!;
      if (/\s/.test(letter)) continue;
      const low = letter.toLowerCase();
      text += low.length === 1 ? low : letter;
      letters.push({ node, at });
    }
  }
  const from = text.indexOf(wanted);
  const [first, last] = [letters[from], letters[from + wanted.length - 1]];
  if (from < 0 || !first || !last) return null;
  const range = document.createRange();
  range.setStart(first.node, first.at);
  range.setEnd(last.node, last.at + 1);
  return range;
}
