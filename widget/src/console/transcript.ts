/**
 * The transcript stays at its end while it is read there, and shows where a word of the summary was said. It asks for the
 * messages that it shows, and tells which of them it has, so that only what is new is sent.
 */

const MOST_TOLD = 400; // of the entries, the last ones: a header has no room for more, and more are hardly ever on a page

export function transcript(element: HTMLElement): () => void {
  const nearEnd = () => element.scrollHeight - element.scrollTop - element.clientHeight < 80;
  const toEnd = () => (element.scrollTop = element.scrollHeight);
  const hit = element.querySelector(".entry.hit"); // a search led here
  let following = !hit && !location.hash.startsWith("#m-");
  // What was shown when earlier messages were asked for, and how high it stands from what is read to the end.
  let asked: { first: string | undefined; below: number } | null = null;
  const scrolled = () => (following = nearEnd());
  const changed = () => {
    if (following) toEnd();
    if (!asked || asked.first === element.dataset["first"]) return;
    element.scrollTop = element.scrollHeight - asked.below;
    if (document.activeElement === document.body) element.focus({ preventScroll: true }); // the link that was pressed is gone
    asked = null;
  };
  const watcher = new MutationObserver(changed);
  const ask = (event: Event) => {
    const { elt, parameters, headers } = (event as CustomEvent<{ elt: Element; parameters: Record<string, string>; headers: Record<string, string> }>).detail;
    const earlier = elt.matches("[data-earlier]");
    if (!earlier && !elt.matches("[data-transcript]")) return;
    if (!earlier) parameters["from"] = element.dataset["first"] ?? "1";
    const has = [...element.querySelectorAll("#messages > [data-v]")].slice(-MOST_TOLD);
    headers["Minidesk-Known"] = has.map((entry) => entry.getAttribute("data-v")).join(".");
    element.setAttribute("aria-live", earlier ? "off" : "polite"); // nobody wants fifty old messages read aloud
    if (!earlier) return;
    following = false;
    asked = { first: element.dataset["first"], below: element.scrollHeight - element.scrollTop };
  };
  const sizes = new ResizeObserver(() => following && toEnd());

  const press = (event: MouseEvent) => {
    const link = (event.target as Element).closest<HTMLElement>("[data-evidence]");
    if (!link) return;
    const message = document.getElementById(link.dataset["evidence"] ?? "");
    if (!message) return; // before those that are shown: the link leads to the page that has it
    event.preventDefault();
    following = false;
    if (location.hash === "#panel") location.replace("#main"); // on a small screen the panel covers the transcript
    show(message, link.dataset["words"] ?? "");
  };

  element.addEventListener("scroll", scrolled, { passive: true });
  watcher.observe(element, { childList: true, subtree: true, characterData: true });
  sizes.observe(element);
  document.addEventListener("click", press);
  document.addEventListener("htmx:configRequest", ask);
  const linked = location.hash.match(/^#m-(\w+)$/)?.[1];
  const query = new URLSearchParams(location.search);
  if (linked && !document.getElementById(`m-${linked}`) && !query.has("message")) {
    query.set("message", linked); // a link from elsewhere: only this page knows that it shows no such message
    location.replace(`?${query}${location.hash}`);
  }
  if (hit) hit.scrollIntoView({ block: "center" });
  else if (following) toEnd();
  return () => {
    element.removeEventListener("scroll", scrolled);
    document.removeEventListener("click", press);
    document.removeEventListener("htmx:configRequest", ask);
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
