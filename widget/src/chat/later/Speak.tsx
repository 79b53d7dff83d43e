/** Reads a message out, in its own language. Only with a voice of this device: another sends the text to its vendor. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "../context";
import { line, StopIcon } from "../icons";
import { languageOf } from "./language";

const SpeakerIcon = line("M4 9.5v5h4l5 4v-13l-5 4zM16.5 9a4.2 4.2 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11");
const speech: SpeechSynthesis | undefined = window.speechSynthesis;

/** Ends what is being read; there is one voice for all messages. */
let quiet: (() => void) | null = null;

const base = (tag: string) => tag.toLowerCase().split(/[-_]/)[0];

/** What one hears of a message: no signs of Markdown, and of links the words. */
const spoken = (text: string) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*_`#>|]+/g, "");

export function Speak({ text }: { text: string }) {
  const { t } = useDesk().view;
  const [, redraw] = useState(0);
  const [reading, setReading] = useState(false);
  const own = useRef<(() => void) | null>(null);
  useEffect(() => {
    const came = () => redraw((n) => n + 1); // browsers tell their voices a moment after the page is there
    speech?.addEventListener?.("voiceschanged", came);
    return () => {
      speech?.removeEventListener?.("voiceschanged", came);
      if (quiet && quiet === own.current) quiet();
    };
  }, []);

  const language = languageOf(text, document.documentElement.lang);
  const voice = speech?.getVoices().find((one) => one.localService && base(one.lang) === base(language));
  if (!speech || !voice) return null;

  const press = () => {
    quiet?.();
    if (reading) return;
    const saying = new SpeechSynthesisUtterance(spoken(text));
    saying.voice = voice;
    saying.lang = voice.lang;
    const end = () => {
      if (quiet !== end) return; // another message is read by now
      quiet = null;
      setReading(false);
      speech.cancel();
    };
    saying.onend = saying.onerror = end;
    quiet = own.current = end;
    setReading(true);
    speech.speak(saying);
  };
  return (
    <button type="button" class="speak" aria-label={t("read_aloud")} title={t("read_aloud")} aria-pressed={reading} onClick={press}>
      {reading ? <StopIcon /> : <SpeakerIcon />}
    </button>
  );
}
