/** Three dots while an answer is on its way; after a while words, and after a longer while a way out. */
import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../context";
import { PersonButton } from "./PersonButton";

const LONG_S = 6; // answers come in about a second; at six, people wonder
const TOO_LONG_S = 20; // at twenty they leave

export function Dots({ label }: { label: string }) {
  return (
    <p class="bubble from-desk dots" aria-label={label} role="img">
      <i />
      <i />
      <i />
    </p>
  );
}

export function Waiting() {
  const { t } = useDesk().view;
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="row">
      <Dots label={t("waiting")} />
      {seconds >= LONG_S && <p class="hint">{t("waiting_long")}</p>}
      {seconds >= TOO_LONG_S && (
        <div class="pills">
          <PersonButton />
        </div>
      )}
    </div>
  );
}
