/** A message that is not sent yet; and, for the moment until the part is there that draws it, one that is. */
import { useDesk } from "./context";
import { Files } from "./Files";
import { AlertIcon } from "./icons";
import type { Draft } from "./outbox";
import type { Item } from "./state";

export function Bare({ item }: { item: Item }) {
  const own = item.author === "visitor";
  return (
    <div class={own ? "row own" : "row"}>
      <p class={`bubble from-${own ? "visitor" : "desk"}`} dir="auto">
        {item.text}
      </p>
    </div>
  );
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
