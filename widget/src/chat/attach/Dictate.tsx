/**
 * What the visitor says, written down by the browser: only where the site switched it on, and after the visitor agreed, for
 * the browser may send the sound to its maker. The words come into the field; nothing is sent unseen.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "../context";
import { AlertIcon } from "../icons";

/** The part of the browser's recognition that is used; TypeScript's own library does not know it. */
interface Recognition {
  lang: string;
  continuous: boolean;
  onresult: (event: { results: Iterable<ArrayLike<{ transcript: string }>> }) => void;
  onerror: (event: { error: string }) => void;
  onend: () => void;
  start(): void;
  stop(): void;
  abort(): void;
}
type Recognise = new () => Recognition;

let agreedBefore = false; // as long as the page lives

/** @param onEnd with the words; without any where it was called off */
export function Dictate({ onEnd }: { onEnd: (text: string) => void }) {
  const { t } = useDesk().view;
  const [agreed, setAgreed] = useState(agreedBefore);
  const [problem, setProblem] = useState("");
  const running = useRef<Recognition | null>(null);

  useEffect(() => {
    if (!agreed) return undefined;
    agreedBefore = true;
    let over = false;
    let words = "";
    const it = new (window as unknown as { webkitSpeechRecognition: Recognise }).webkitSpeechRecognition();
    it.lang = document.documentElement.lang;
    it.continuous = true;
    it.onresult = ({ results }) => {
      words = [...results].map((result) => result[0]?.transcript ?? "").join(" ");
    };
    it.onerror = ({ error }) => {
      over = true;
      setProblem(t(error === "not-allowed" || error === "audio-capture" ? "voice_denied" : "failed"));
    };
    it.onend = () => {
      if (!over) onEnd(words.trim());
    };
    it.start();
    running.current = it;
    return () => {
      over = true;
      it.abort();
    };
  }, [agreed]);

  return (
    <div class="voice">
      <p role={problem ? "alert" : "status"}>
        {problem && <AlertIcon />} {problem || t(agreed ? "voice_recording" : "dictate_ask")}
      </p>
      {!problem && (
        <button type="button" class="pill" onClick={() => (agreed ? running.current?.stop() : setAgreed(true))}>
          {t(agreed ? "voice_stop" : "agree")}
        </button>
      )}
      <button type="button" class="pill" onClick={() => onEnd("")}>
        {t("discard")}
      </button>
    </div>
  );
}
