/** The end of a conversation: how it was, and a new one. */
import { useDesk } from "../context";

export function Closed() {
  const { chat, view } = useDesk();
  const { t, rating } = view;
  return (
    <div class="closed">
      <p>{t("closed_note")}</p>
      {rating === null ? (
        <div role="group" aria-label={t("rating")}>
          <p class="hint">{t("rating")}</p>
          <div class="pills">
            {[1, 2, 3, 4, 5].map((n) => (
              <button type="button" class="pill" key={n} aria-label={t("rating_n", { n })} onClick={() => chat.rate(n)}>
                {n}
              </button>
            ))}
          </div>
        </div>
      ) : (
        <p class="hint">{t("rating_thanks")}</p>
      )}
      <button type="button" class="pill" onClick={() => chat.newConversation()}>
        {t("new_conversation")}
      </button>
    </div>
  );
}
