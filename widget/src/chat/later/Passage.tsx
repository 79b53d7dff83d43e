/** The passage that a citation quotes, with the quoted words marked. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "../context";
import { LinkIcon } from "../icons";
import type { PassageView } from "../types";
import { passageOf } from "./acts";
import { Sheet } from "./Sheet";

export function Passage({ message, n, onClose }: { message: string; n: number; onClose: () => void }) {
  const { chat, view } = useDesk();
  const { t } = view;
  const quoted = useRef<HTMLElement>(null);
  const [passage, setPassage] = useState<PassageView | "failed" | null>(null);
  const known = view.state.items.find((item) => item.id === message)?.citations?.find((citation) => citation.n === n);

  useEffect(() => {
    let left = false;
    passageOf(chat, message, n).then(
      (found) => left || setPassage(found),
      () => left || setPassage("failed"),
    );
    return () => {
      left = true;
    };
  }, []);
  useEffect(() => quoted.current?.scrollIntoView({ block: "center" }), [passage]);

  const loaded = passage && passage !== "failed" ? passage : null;
  const url = loaded?.url ?? known?.url;
  const path = loaded?.heading_path;
  const where = [Array.isArray(path) ? path.join(" › ") : path, loaded?.page && t("passage_page", { page: loaded.page })];
  const head = (
    <p class="passage-n">
      <b>{n}</b> {t("passage")}
    </p>
  );
  return (
    <Sheet head={head} title={loaded?.title ?? known?.title ?? ""} onClose={onClose}>
      {where.some(Boolean) && <p class="passage-where">{where.filter(Boolean).join(" · ")}</p>}
      <div class="passage-text" dir="auto" tabIndex={0}>
        {loaded?.before}
        <mark ref={quoted}>{loaded?.quote ?? known?.quote}</mark>
        {loaded?.after}
      </div>
      {passage === "failed" && <p class="hint alarm">{t("passage_failed")}</p>}
      {url && /^https?:/.test(url) && (
        <a class="passage-link" href={url} target="_blank" rel="noopener">
          {t("passage_open")} <LinkIcon />
        </a>
      )}
    </Sheet>
  );
}
