/** One message, whoever wrote it. */
import { useDesk } from "../context";
import { ClockIcon } from "../icons";
import { Files } from "../Files";
import type { Item } from "../state";
import { Answer } from "./Answer";
import { exact } from "./time";

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
