/** The conversation. It follows what is new while the reader is at its end, and never moves under one who reads above. */
import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "./context";
import { Bare, DraftBubble } from "./Draft";
import { DownIcon } from "./icons";
import { later } from "./lazy";

const AT_END_PX = 48; // two lines: nearer counts as reading the end

export function Log() {
  const { chat, view } = useDesk();
  const { t, state, drafts, config } = view;
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [below, setBelow] = useState(false);
  const typing = useTyping(state.typing?.until ?? 0);

  const items = state.items.filter((item) => item.text || item.state !== "streaming");
  const last = state.items.at(-1);
  const pending = drafts.filter((draft) => !state.items.some((item) => item.client_id === draft.client_id));
  const waiting = state.holder === "assistant" && pending.length === 0 && (last?.author === "visitor" || (last?.state === "streaming" && !last.text));
  // The line that tells of the handoff usually names the number already.
  const told = state.items.some((item) => item.author === "system" && item.text.includes(String(state.ticket?.number)));
  const ticket = state.holder === "queue" && !told ? state.ticket : null;
  const locale = config?.locale || navigator.language;
  const part = later.use(items.length + pending.length > 0);

  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight });
  useLayoutEffect(() => {
    if (pending.length) following.current = true; // whoever writes wants to see it
    if (following.current) toEnd();
    else setBelow(true);
  }, [state, pending.length, waiting, typing, view.phase, part]);
  useEffect(() => {
    const resized = new ResizeObserver(() => following.current && toEnd()); // a phone's keyboard, a longer draft
    const grown = new MutationObserver(() => following.current && toEnd()); // what came by itself: a form, a place in the queue
    if (box.current) resized.observe(box.current);
    if (box.current) grown.observe(box.current, { childList: true, subtree: true });
    return () => {
      resized.disconnect();
      grown.disconnect();
    };
  }, []);
  const focused = useRef<Element | null>(null);
  useLayoutEffect(() => {
    // The pressed button is gone with its row: without this, the keyboard would start again at the top of the page.
    if (focused.current?.isConnected === false && document.activeElement === document.body) box.current?.focus({ preventScroll: true });
  });
  const scrolled = () => {
    const it = box.current;
    if (!it) return;
    following.current = it.scrollHeight - it.scrollTop - it.clientHeight < AT_END_PX;
    if (following.current) setBelow(false);
  };

  return (
    <div class="log-place">
      <div class="log" ref={box} onScroll={scrolled} onFocusIn={(event) => (focused.current = event.target as Element)} role="log" aria-live="polite" aria-label={t("messages")} tabIndex={0}>
        {view.phase === "blocked" ? (
          <div class="closed">
            <p>{t("blocked")}</p>
            <button type="button" class="pill" onClick={() => chat.start()}>
              {t("retry")}
            </button>
          </div>
        ) : (
          <>
            <div class="row">
              <p class="bubble from-desk">{config?.nudges?.[view.nudge] ?? t("greeting")}</p>
            </div>
            {!items.length && !pending.length && (
              <div class="pills choices">
                {config?.quick_replies?.map((reply) => (
                  <button type="button" class="pill" key={reply} onClick={() => chat.send(reply)}>
                    {reply}
                  </button>
                ))}
              </div>
            )}
            {items.map((item, index) => {
              const before = items[index - 1];
              const line = part?.divider(before?.at, item.at, locale, t("today"));
              return (
                <Fragment key={item.id}>
                  {line && <p class="divider">{line}</p>}
                  {part ? <part.Bubble item={item} first={before?.author !== item.author || before.name !== item.name} /> : <Bare item={item} />}
                </Fragment>
              );
            })}
            {pending.map((draft) => (
              <DraftBubble key={draft.client_id} draft={draft} />
            ))}
            {part && waiting && <part.Waiting key={last?.id} />}
            {part && typing && (
              <div class="row">
                <part.Dots label={t("typing", { name: state.agent ?? t("agent") })} />
              </div>
            )}
            {part && !waiting && !pending.length && last?.author === "assistant" && last.state !== "streaming" && state.holder === "assistant" && (
              <part.FollowUp item={last} />
            )}
            {view.person === "failed" && (
              <p class="hint alarm" role="alert">
                {t("person_failed")}
              </p>
            )}
            {part && state.holder === "queue" && <part.Place />}
            {ticket && <p class="hint centred">{t("ticket", { number: ticket.number })}</p>}
            {part && state.holder === "closed" && <part.Closed />}
          </>
        )}
      </div>
      {below && (
        <button type="button" class="newer" onClick={toEnd}>
          <DownIcon /> {t("newer")}
        </button>
      )}
    </div>
  );
}

/** Whether somebody is writing right now: true until the moment that the event named. */
function useTyping(until: number): boolean {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setNow(Date.now());
    const rest = until - Date.now();
    if (rest <= 0) return undefined;
    const timer = setTimeout(() => setNow(Date.now()), rest);
    return () => clearTimeout(timer);
  }, [until]);
  return until > now;
}
