/** What can be tapped after the last answer: choices, an opinion, a person. */
import { useDesk } from "../context";
import { PersonButton } from "./PersonButton";
import type { Item } from "../state";
import type { Reason } from "../types";

const REASONS: Reason[] = ["off_topic", "incomplete", "wrong", "unclear"];

/** Arrow keys go from one choice to the next, as Tab does. */
function step(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
  const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
  const by = { [forward]: 1, ArrowDown: 1, [back]: -1, ArrowUp: -1 }[event.key];
  const all = [...event.currentTarget.querySelectorAll("button")];
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  if (!by || at < 0) return;
  event.preventDefault(); // or the conversation scrolls away under the choice
  all[(at + by + all.length) % all.length]?.focus();
}

/** @param item the last message, an answer of the assistant that is complete */
export function FollowUp({ item }: { item: Item }) {
  const { chat, view } = useDesk();
  const { t } = view;
  if (item.state === "interrupted")
    return (
      <div class="follow">
        <p class="hint">{t("cut_off")}</p>
        <div class="pills">
          <PersonButton />
        </div>
      </div>
    );
  if (item.choices?.length || item.offer_person)
    return (
      <div class="follow">
        <div class="pills choices" onKeyDown={step}>
          {item.choices?.map((choice) => (
            <button type="button" class="pill" key={choice} onClick={() => chat.send(choice)}>
              {choice}
            </button>
          ))}
          {item.offer_person && <PersonButton />}
        </div>
      </div>
    );
  if (item.outcome !== "reply") return null;
  if (item.helpful === true) return <p class="hint follow">{t("thanks")}</p>;
  const said = item.helpful === false;
  return (
    <div class="follow">
      <p class="hint">{t(!said ? "helpful" : item.reason ? "sorry" : "why")}</p>
      <div class="pills">
        {!said && (
          <>
            <button type="button" class="pill" onClick={() => chat.feedback(item, true)}>
              {t("yes")}
            </button>
            <button type="button" class="pill" onClick={() => chat.feedback(item, false)}>
              {t("no")}
            </button>
          </>
        )}
        {said &&
          !item.reason &&
          REASONS.map((reason) => (
            <button type="button" class="pill" key={reason} onClick={() => chat.feedback(item, false, reason)}>
              {t(`why_${reason}`)}
            </button>
          ))}
        <PersonButton />
      </div>
    </div>
  );
}
