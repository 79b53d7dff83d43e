/** A voice note: recorded, written down by the server, and put into the field for the visitor to look at. Nothing is sent unseen. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api";
import { useDesk } from "../context";
import { AlertIcon } from "../icons";
import { send } from "./send";

const BITS = 24_000; // a second: speech is as clear as it needs to be, and two minutes are 360 KB
const FORMS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/** @param onEnd with the words; without any where it was called off */
export function Voice({ onEnd }: { onEnd: (text: string) => void }) {
  const { chat, view } = useDesk();
  const { t, config, state } = view;
  const [phase, setPhase] = useState<"asking" | "recording" | "writing">("asking");
  const [seconds, setSeconds] = useState(0);
  const [problem, setProblem] = useState("");
  const recorder = useRef<MediaRecorder | null>(null);
  const kept = useRef(false);
  const most = config?.voice?.max_seconds ?? 60;

  const writeDown = async (pieces: Blob[], type: string) => {
    setPhase("writing");
    const plain = type.split(";")[0]!;
    const file = new File(pieces, `voice.${plain.split("/")[1]}`, { type: plain });
    const where = state.id ? `?conversation=${encodeURIComponent(state.id)}` : "";
    try {
      const { text } = await send<{ text: string }>(chat.api, `/voice${where}`, file, () => undefined);
      onEnd(text);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message || t("failed"));
    }
  };

  useEffect(() => {
    let left = false;
    let timer = 0;
    let sound: MediaStream | null = null;
    const end = () => {
      clearInterval(timer);
      for (const track of sound?.getTracks() ?? []) track.stop(); // the browser's red dot goes
    };
    void (async () => {
      try {
        sound = await navigator.mediaDevices.getUserMedia({ audio: true });
        if (left) return end();
        const type = FORMS.find((form) => MediaRecorder.isTypeSupported(form)) ?? "";
        const making = new MediaRecorder(sound, { audioBitsPerSecond: BITS, ...(type && { mimeType: type }) });
        const pieces: Blob[] = [];
        making.ondataavailable = (event) => pieces.push(event.data);
        making.onstop = () => {
          end();
          if (kept.current && !left) void writeDown(pieces, making.mimeType);
        };
        making.start();
        recorder.current = making;
        setPhase("recording");
        timer = window.setInterval(() => setSeconds((now) => now + 1), 1000);
      } catch {
        end();
        setProblem(t("voice_denied")); // refused, or there is no microphone
      }
    })();
    return () => {
      left = true;
      if (recorder.current?.state === "recording") recorder.current.stop();
      end();
    };
  }, []);

  const stop = () => {
    kept.current = true;
    recorder.current?.stop();
  };
  useEffect(() => {
    if (seconds >= most && recorder.current?.state === "recording") stop();
  }, [seconds]);

  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return (
    <div class="voice">
      <p role={problem ? "alert" : "status"}>
        {problem ? (
          <>
            <AlertIcon /> {problem}
          </>
        ) : phase === "writing" ? (
          t("voice_writing")
        ) : (
          t("voice_recording")
        )}
      </p>
      {phase === "recording" && !problem && <span aria-hidden="true">{time}</span>}
      {phase === "recording" && !problem && (
        <button type="button" class="pill" onClick={stop}>
          {t("voice_stop")}
        </button>
      )}
      <button type="button" class="pill" onClick={() => onEnd("")}>
        {t("discard")}
      </button>
    </div>
  );
}
