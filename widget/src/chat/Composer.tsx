/** Where the visitor writes. Enter sends, Shift+Enter breaks the line; what is half-written survives a reload. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "./context";
import { ClipIcon, MicIcon, SendIcon, StopIcon } from "./icons";
import { type Attach, attach as part } from "./lazy";
import type { Storage } from "./storage";

const HINT_FROM = 300; // characters left when the count begins to show

export function Composer({ storage, focusOn }: { storage: Storage; focusOn: number }) {
  const { chat, view } = useDesk();
  const { t, config, state, phase } = view;
  const [text, setText] = useState(() => storage.get("typed") ?? "");
  const field = useRef<HTMLTextAreaElement>(null);
  const [extra, setExtra] = useState<Attach | null>(null);
  const [speaking, setSpeaking] = useState(false);
  const tray = useRef<InstanceType<Attach["Tray"]> | null>(null);
  const [, redraw] = useState(0);

  const limit = config?.limits?.message_max_chars ?? 4000;
  const left = limit - [...text.normalize("NFC")].length; // the server counts after normalising
  const answering = state.holder === "assistant" && state.items.at(-1)?.state === "streaming";
  const blocked = phase === "blocked"; // a closed conversation is none: the next message opens a new one
  const files = tray.current?.ready ?? [];
  const sendable = (text.trim() !== "" || files.length > 0) && left >= 0 && !blocked && !tray.current?.busy;

  useLayoutEffect(() => {
    const it = field.current;
    if (!it) return;
    it.style.height = "auto";
    it.style.height = `${it.scrollHeight + 2}px`; // and its borders
  }, [text]);
  useEffect(() => {
    // Not on a phone: the keyboard would cover the greeting before anybody read it.
    if (focusOn && matchMedia("(hover: hover)").matches) field.current?.focus();
  }, [focusOn]);

  const write = (now: string) => {
    setText(now);
    storage.set("typed", now || null);
  };
  const send = () => {
    if (!sendable) return;
    chat.send(text.trim(), files);
    tray.current?.clear();
    write("");
    field.current?.focus();
  };
  const attach = async (given: FileList | null | undefined) => {
    const list = [...(given ?? [])]; // the field and the clipboard forget them
    const loaded = list.length && config?.files ? await part.load() : null;
    if (!loaded) return;
    tray.current ??= new loaded.Tray(chat, () => redraw((n) => n + 1));
    setExtra(loaded);
    tray.current.add(list);
  };
  useEffect(() => {
    const drag = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // or the browser would leave the chat for the file
      document.body.classList.toggle("over", event.type === "dragover");
      if (event.type === "drop") void attach(event.dataTransfer.files);
    };
    ondragover = ondragleave = ondrop = drag;
  }, [config]);
  const heard = (said: string) => {
    setSpeaking(false);
    write([text, said].filter(Boolean).join(" "));
    field.current?.focus();
  };
  const speak = async () => {
    setExtra(await part.load());
    setSpeaking(true);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // composing: Enter picks a word
    event.preventDefault();
    send();
  };

  useEffect(() => {
    if (!view.takenBack) return;
    write([view.takenBack.text, text].filter(Boolean).join("\n")); // what was begun meanwhile stays
    field.current?.focus();
  }, [view.takenBack]);

  const privacy = config?.texts["privacy_url"];
  const who = {
    assistant: t("assistant_line"),
    queue: t("queue_line"),
    agent: t("agent_line", { name: state.agent ?? t("agent") }),
    closed: t("closed_status"),
  }[state.holder];
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {extra && <extra.Above tray={tray.current} onVoice={speaking ? heard : null} />}
      <div class="composer-row">
        {config?.files && (
          <label class="tool" title={t("attach")}>
            <ClipIcon />
            <input
              type="file"
              class="hidden"
              multiple
              accept={config.files.accept}
              aria-label={t("attach")}
              disabled={blocked}
              onChange={({ currentTarget: it }) => {
                void attach(it.files);
                it.value = ""; // the same file again is a change again
              }}
            />
          </label>
        )}
        <textarea
          ref={field}
          rows={1}
          value={text}
          dir="auto"
          placeholder={t("placeholder")}
          aria-label={t("placeholder")}
          aria-describedby="limit"
          aria-invalid={left < 0}
          disabled={blocked}
          enterkeyhint="send"
          onInput={(event) => {
            write(event.currentTarget.value);
            chat.typing();
          }}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            const pasted = event.clipboardData;
            if (!pasted?.files.length || pasted.getData("text")) return; // a table comes as words and as a picture
            event.preventDefault();
            void attach(pasted.files);
          }}
        />
        {config?.voice && (!config.voice.browser || "webkitSpeechRecognition" in window) && !speaking && (
          <button type="button" class="tool" aria-label={t("voice")} title={t("voice")} disabled={blocked} onClick={speak}>
            <MicIcon />
          </button>
        )}
        {answering && !text.trim() ? (
          <button type="button" class="send" aria-label={t("stop")} title={t("stop")} onClick={() => chat.stop()}>
            <StopIcon />
          </button>
        ) : (
          <button type="submit" class="send" aria-label={t("send")} title={t("send")} disabled={!sendable}>
            <SendIcon />
          </button>
        )}
      </div>
      <p id="limit" class={left < 0 ? "limit alarm" : "limit"} role={left < 0 ? "alert" : undefined} hidden={left > HINT_FROM}>
        {left < 0 ? t("too_long", { n: -left }) : t("left", { n: left })}
      </p>
      <p class="who">
        {who}
        {privacy && /^https?:/.test(privacy) && (
          <>
            {" · "}
            <a href={privacy} target="_blank" rel="noopener">
              {t("privacy")}
            </a>
          </>
        )}
      </p>
    </form>
  );
}
