/** What is seldom needed: a new conversation, this one as a file, and the earlier ones. */
import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../context";
import { exact } from "./time";
import type { Line } from "../types";
import { AddressForm } from "./AddressForm";
import { conversations, download, mailCopy } from "./acts";
import { Sheet } from "./Sheet";

export function More({ onClose }: { onClose: () => void }) {
  const { chat, view } = useDesk();
  const { t, state, config } = view;
  const [lines, setLines] = useState<Line[] | null>(null);
  const [failed, setFailed] = useState(false);

  const attempt = (work: Promise<unknown>, then?: () => void) => work.then(then, () => setFailed(true));
  useEffect(() => void attempt(conversations(chat).then(setLines)), []);

  return (
    <Sheet title={t("menu")} onClose={onClose}>
      {state.id && (
        <div class="pills">
          <button
            type="button"
            class="pill"
            onClick={() => {
              chat.newConversation();
              onClose();
            }}
          >
            {t("new_conversation")}
          </button>
          <button type="button" class="pill" onClick={() => void attempt(download(chat))}>
            {t("download")}
          </button>
        </div>
      )}
      {state.id && config?.mail && (
        <AddressForm
          label={t("mail_copy")}
          send={async (address) => {
            await mailCopy(chat, address);
            return t("mail_sent", { address });
          }}
        />
      )}
      {failed && (
        <p class="hint alarm" role="alert">
          {t("load_failed")}
        </p>
      )}
      <h3>{t("history")}</h3>
      {lines?.length === 0 && <p class="hint">{t("history_empty")}</p>}
      <ul class="history">
        {lines?.map((line) => (
          <li key={line.id}>
            <button type="button" onClick={() => void attempt(chat.openConversation(line.id), onClose)}>
              <span dir="auto">{line.last_text}</span>
              <small>{exact(line.last_message_at, document.documentElement.lang)}</small>
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}
