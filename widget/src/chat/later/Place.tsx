/** How many wait for a person before this visitor, looked at again twice a minute; and where the answer may go while nobody is there. */
import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../context";
import { newId } from "../outbox";
import { AddressForm } from "./AddressForm";
import { inConversation } from "./acts";

const LOOK_MS = 30_000;

export function Place() {
  const { chat, view } = useDesk();
  const { t, state } = view;
  const [place, setPlace] = useState<{ ahead: number | null; away: boolean } | null>(null);
  const look = () => {
    if (document.hidden) return;
    chat.api.call<{ ahead: number | null; away: boolean }>("GET", inConversation(chat, "place")).then(
      setPlace,
      () => setPlace(null), // a number that may be wrong helps nobody
    );
  };
  useEffect(() => {
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [state.id]);
  const leave = async (address: string): Promise<string> => {
    await chat.api.call("POST", inConversation(chat, "address"), { address, client_id: newId() });
    look();
    return "";
  };
  const ahead = place?.ahead ?? null;
  return (
    <>
      <p class="hint centred" role="status">
        {ahead !== null && !place?.away && (ahead ? t("ahead", { n: ahead }) : t("next"))}
      </p>
      {place?.away && <AddressForm label={t("away")} send={leave} />}
    </>
  );
}
