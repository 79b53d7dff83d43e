/** The words of a message that the server rendered, with citation numbers that can be pressed, and its sources. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { useDesk } from "../context";
import type { Item } from "../state";
import { show } from "./marks";
import { Speak } from "./Speak";

export function Answer({ item }: { item: Item }) {
  const { view, openPassage } = useDesk();
  const root = useRef<HTMLDivElement>(null);
  const { html, text, marks, citations = [] } = item;

  useLayoutEffect(() => {
    if (!root.current) return;
    if (html) show(root.current, html, text, marks, citations, view.t);
    else root.current.textContent = text;
  }, [html, text, marks, item.citations, view.t]);

  const pressed = (event: MouseEvent) => {
    const cite = (event.target as Element).closest<HTMLElement>(".cite");
    if (cite) openPassage(item.id, Number(cite.dataset["n"]));
  };

  return (
    <>
      <div class="prose" ref={root} onClick={pressed} />
      <div class="foot">
        {citations.length > 0 && (
          <ul class="chips" aria-label={view.t("sources")}>
            {citations.map(({ n, title }) => (
              <li key={n}>
                <button type="button" aria-label={view.t("source", { n, title })} onClick={() => openPassage(item.id, n)}>
                  <span>
                    <b>{n}</b> {title}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        {text && item.state !== "streaming" && <Speak text={text} />}
      </div>
    </>
  );
}
