/** One message, whoever wrote it, and one that is not sent yet. */
import { Answer } from "./Answer";
import { useDesk } from "./context";
import { AlertIcon, ClockIcon } from "./icons";
import { useExtra } from "./lazy";
import type { Draft } from "./outbox";
import type { Item } from "./state";
import { exact } from "./time";
import type { FileView } from "./types";

/** @param first whether somebody else wrote the message before: then the author is named */
export function Bubble({ item, first }: { item: Item; first: boolean }) {
  const { t, config, state } = useDesk().view;
  const when = exact(item.at, config?.locale || navigator.language);
  if (item.author === "system")
    return (
      <p class={state.holder === "queue" ? "system waits" : "system"} title={when}>
        {state.holder === "queue" && <ClockIcon />}
        <span>{item.text}</span>
      </p>
    );
  if (item.author === "visitor")
    return (
      <div class="row own">
        <p class={item.text && "bubble from-visitor"} title={when} dir="auto">
          <bdi class="hidden">{t("you")}: </bdi>
          {item.text}
        </p>
        <Files of={item.attachments} />
      </div>
    );
  // A failed answer has no words of its own: the line that hands over to a person says what happens.
  if (!item.text && item.state !== "streaming") return null;
  const author = item.author === "agent" ? item.name || t("agent") : t("assistant");
  return (
    <div class="row" aria-busy={item.state === "streaming"}>
      {item.author === "agent" && first ? <p class="author">{author}</p> : <span class="hidden">{author}: </span>}
      <div class="bubble from-desk" title={when} dir="auto">
        <Answer item={item} />
      </div>
      <Files of={item.attachments} />
    </div>
  );
}

function Files({ of }: { of: FileView[] | undefined }) {
  const extra = useExtra(Boolean(of?.length));
  return extra && of?.length ? <extra.Shown of={of} /> : null;
}

export function DraftBubble({ draft }: { draft: Draft }) {
  const { chat, view } = useDesk();
  const { t } = view;
  if (draft.failed === null)
    return (
      <div class="row own">
        <p class={draft.text && "bubble from-visitor"} dir="auto">
          <bdi class="hidden">{t("you")}: </bdi>
          {draft.text}
        </p>
        <Files of={draft.files} />
        <p class="hint small">{t("sending")}…</p>
      </div>
    );
  // Nobody was reached: the same may work later. A refusal names its reason, and only other words help.
  const unreached = draft.failed === "";
  const again = () => (unreached ? chat.retry(draft) : chat.takeBack(draft));
  return (
    <div class="row own">
      <button type="button" class="bubble from-visitor failed" dir="auto" onClick={again}>
        {draft.text || draft.files?.map((file) => file.name).join(", ")}
        <span class="hidden">. {t(unreached ? "retry" : "edit")}</span>
      </button>
      <div class="failure" role="alert">
        <AlertIcon />
        <p>{draft.failed || t("failed")}</p>
        <button type="button" onClick={again}>
          {t(unreached ? "retry" : "edit")}
        </button>
        <button type="button" onClick={() => chat.discard(draft)}>
          {t("discard")}
        </button>
      </div>
    </div>
  );
}
