/** The picture of the agent who talks to the visitor; until it is there, or without one, the site's logo. */
import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../context";
import { inConversation } from "./acts";

export function Face({ otherwise }: { otherwise: string | undefined }) {
  const { chat, view } = useDesk();
  const { id, agent } = view.state;
  const [picture, setPicture] = useState<string | null>(null);
  useEffect(() => {
    let left = false;
    setPicture(null);
    chat.api.call<{ picture: string | null }>("GET", inConversation(chat, "agent")).then(
      (found) => left || setPicture(found.picture),
      () => undefined, // the name is there; the next agent's picture is asked for anew
    );
    return () => {
      left = true;
    };
  }, [id, agent]);
  const source = picture ?? otherwise;
  return source ? <img class="face" src={source} alt="" width={36} height={36} /> : null;
}
