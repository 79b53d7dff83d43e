/** The chat without its looks: session, conversation, outbox and stream held together; the components read `view`. */
import { Api, ApiError } from "./api";
import { backoffMs } from "./backoff";
import { type Draft, Outbox } from "./outbox";
import { apply, EMPTY, fromConversation, type State, withMessage } from "./state";
import type { Storage } from "./storage";
import { Stream } from "./stream";
import { type Translate, translator } from "./texts";
import type { Config, Conversation, Event, Message, PassageView } from "./types";

export interface View {
  /** `blocked`: the server refuses this page or does not know the site; waiting does not help */
  phase: "starting" | "ready" | "blocked";
  config: Config | null;
  state: State;
  drafts: Draft[];
  banner: "offline" | "reconnecting" | "unavailable" | "busy" | null;
  person: "idle" | "asking" | "failed";
  rating: number | null;
  /** A refused message that goes back into the composer, to be changed. */
  takenBack: Draft | null;
  t: Translate;
}

export interface Page {
  url: string;
  title: string;
  locale: string;
}

export class Chat {
  view: View;
  page: Page = { url: "", title: "", locale: "" };
  /** Whether a person can see the messages now; what came meanwhile counts as unread. */
  private visible: boolean;
  private readonly outbox: Outbox;
  private readonly watchers = new Set<() => void>();
  private stream: Stream | null = null;
  private connection: "open" | "lost" = "open";
  private reached = true;
  private wake: (() => void) | null = null;
  private starting: Promise<void> | null = null;
  private refetching = false;

  constructor(
    private readonly api: Api,
    private readonly storage: Storage,
    embedded: boolean,
    private readonly heard: (message: Message) => void,
  ) {
    this.visible = !embedded; // a page that embeds it says when the panel is open
    this.outbox = new Outbox(
      storage,
      (draft) => this.deliver(draft),
      () => this.set({}),
    );
    const config = cached(storage);
    this.view = {
      phase: "starting",
      config,
      state: EMPTY,
      drafts: this.outbox.drafts,
      banner: null,
      person: "idle",
      rating: null,
      takenBack: null,
      t: this.translate(config),
    };
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.set({}));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.hurry();
    });
  }

  watch(run: () => void): () => void {
    this.watchers.add(run);
    return () => this.watchers.delete(run);
  }

  private set(change: Partial<View>): void {
    this.view = { ...this.view, ...change, drafts: this.outbox.drafts };
    this.view.banner = this.banner();
    if (this.visible && !document.hidden) this.storage.set("seen", String(Math.max(this.seen, this.lastSeq)));
    for (const run of this.watchers) run();
  }

  private banner(): View["banner"] {
    const waiting = this.view.drafts.length > 0;
    if (navigator.onLine === false) return "offline";
    if (!this.reached) return "unavailable";
    if (waiting && this.outbox.trouble?.status === 429) return "busy";
    if (waiting && this.outbox.trouble?.passing) return "unavailable";
    return this.connection === "lost" ? "reconnecting" : null;
  }

  private translate(config: Config | null): Translate {
    return translator(config?.locale || this.page.locale || navigator.language, config?.texts);
  }

  private get seen(): number {
    return Number(this.storage.get("seen")) || 0;
  }

  private get lastSeq(): number {
    return this.view.state.items.at(-1)?.seq ?? 0;
  }

  /** Messages for the visitor that nobody has looked at. */
  get unread(): number {
    const { seen } = this;
    return this.view.state.items.filter(
      (item) => item.seq > seen && (item.author === "assistant" || item.author === "agent") && item.state !== "streaming",
    ).length;
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    this.set({});
  }

  // ---- begin and begin again

  /** Opens the session and whatever conversation is still open; goes on trying while nobody is reached. */
  start(): Promise<void> {
    this.starting ??= this.begin().finally(() => {
      this.starting = null;
      this.outbox.hurry();
    });
    return this.starting;
  }

  private async begin(): Promise<void> {
    this.set({ phase: "starting" });
    for (let attempt = 1; ; attempt++) {
      try {
        const session = await this.api.open();
        const [config] = await Promise.all([
          this.api.call<Config>("GET", `/config${this.page.locale && `?locale=${encodeURIComponent(this.page.locale)}`}`),
          session.conversation && this.resume(session.conversation),
        ]);
        this.storage.set("config", JSON.stringify(config));
        this.reached = true;
        return this.set({ phase: "ready", config, t: this.translate(config) });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.reached = error.status !== 0 && error.status < 500;
        this.set({ phase: error.passing ? "starting" : "blocked" });
        if (!error.passing) return;
        await this.pause(Math.max(error.retryAfterMs, backoffMs(attempt)));
      }
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private hurry(): void {
    this.wake?.();
    this.stream?.hurry();
    this.outbox.hurry();
    this.set({});
  }

  private async resume(id: string): Promise<void> {
    const conversation = await this.api.call<Conversation>("GET", `/conversations/${encodeURIComponent(id)}`);
    this.set({ state: fromConversation(conversation) });
    for (const { client_id } of conversation.messages) if (client_id) this.outbox.remove(client_id);
    this.listen(conversation.id, conversation.last_event);
  }

  /** Forgets the conversation, not the session. */
  private leave(): void {
    this.stream?.stop();
    this.stream = null;
    this.connection = "open";
    this.storage.set("seen", null);
    this.set({ state: EMPTY, person: "idle", rating: null });
  }

  private listen(id: string, last: number): void {
    this.stream?.stop();
    this.stream = new Stream(this.api, id, last, {
      event: (event) => this.receive(event),
      connection: (state) => {
        const back = this.connection === "lost" && state === "open";
        this.connection = state;
        if (back) this.outbox.hurry();
        this.set({});
      },
      gone: () => {
        this.leave();
        setTimeout(() => void this.start(), 2000); // not at once: a server in trouble would be asked in a tight loop
      },
    });
  }

  private receive(event: Event): void {
    const state = apply(this.view.state, event);
    if (!state) return void this.refetch();
    this.set({ state });
    if (event.type === "message") {
      if (event.data.client_id) this.outbox.remove(event.data.client_id);
      this.heard(event.data);
    } else if (event.type === "answer.done") {
      const item = state.items.find(({ id }) => id === event.data.message);
      if (item) this.heard(item);
    }
    if (event.type === "holder") this.set({ person: "idle" });
  }

  /** Something between was missed: the server's own account replaces ours. */
  private async refetch(): Promise<void> {
    const { id } = this.view.state;
    if (!id || this.refetching) return;
    this.refetching = true;
    try {
      await this.resume(id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setTimeout(() => void this.refetch(), 2000);
    } finally {
      this.refetching = false;
    }
  }

  // ---- what the visitor does

  send(text: string): void {
    this.outbox.add(text);
  }

  retry(draft: Draft): void {
    this.outbox.retry(draft.client_id);
  }

  discard(draft: Draft): void {
    this.outbox.remove(draft.client_id);
  }

  takeBack(draft: Draft): void {
    this.set({ takenBack: draft });
    this.discard(draft);
  }

  private async deliver(draft: Draft): Promise<void> {
    const post = (id: string) => {
      this.outbox.update(draft.client_id, { conversation: id });
      const body = { client_id: draft.client_id, text: draft.text };
      return this.api.call<{ message: Message }>("POST", `/conversations/${encodeURIComponent(id)}/messages`, body);
    };
    await this.starting; // the session may know an open conversation that this message belongs to
    let answer: { message: Message };
    try {
      if (draft.conversation && draft.conversation !== this.view.state.id) await this.resume(draft.conversation);
      answer = await post(draft.conversation ?? (await this.conversation()));
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 409)) throw error;
      this.leave(); // closed or gone meanwhile: the message opens a new one
      answer = await post(await this.conversation());
    }
    this.set({ state: withMessage(this.view.state, answer.message) });
  }

  /** The id of the open conversation; starts one where there is none. */
  private async conversation(): Promise<string> {
    const { id, holder } = this.view.state;
    if (id && holder !== "closed") return id;
    const { url, title, locale } = this.page;
    const body = {
      ...(url && { page_url: url }),
      ...(title && { page_title: title }),
      ...((locale || navigator.language) && { locale: locale || navigator.language }),
    };
    const made = await this.api.call<{ id: string; last_event: number }>("POST", "/conversations", body);
    this.storage.set("seen", null);
    this.set({ state: { ...EMPTY, id: made.id }, rating: null });
    this.listen(made.id, made.last_event);
    return made.id;
  }

  async askForPerson(): Promise<void> {
    if (this.view.person === "asking") return;
    this.set({ person: "asking" });
    try {
      const id = await this.conversation();
      const { ticket } = await this.api.call<{ ticket: { number: number } }>(
        "POST",
        `/conversations/${encodeURIComponent(id)}/handoff`,
        {},
      );
      const { state } = this.view;
      this.set({ person: "idle", state: { ...state, ticket, holder: state.holder === "assistant" ? "queue" : state.holder } });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.set({ person: "failed" });
    }
  }

  async stop(): Promise<void> {
    const { id } = this.view.state;
    if (id) await this.quietly(this.api.call("POST", `/conversations/${encodeURIComponent(id)}/stop`, {}));
  }

  async feedback(message: Message, helpful: boolean): Promise<void> {
    this.set({ state: withMessage(this.view.state, { ...message, helpful }) });
    await this.quietly(this.api.call("POST", `/messages/${encodeURIComponent(message.id)}/feedback`, { helpful }));
  }

  async rate(rating: number): Promise<void> {
    this.set({ rating });
    const { id } = this.view.state;
    if (id) await this.quietly(this.api.call("POST", `/conversations/${encodeURIComponent(id)}/rating`, { rating }));
  }

  passage(message: string, n: number): Promise<PassageView> {
    return this.api.call("GET", `/messages/${encodeURIComponent(message)}/citations/${n}`);
  }

  newConversation(): void {
    this.leave();
  }

  /** A signed identity from the host page. */
  async identify(identity: string): Promise<void> {
    await this.quietly(this.api.open({ identity }));
  }

  /** The person logged out on the host page: nothing of theirs stays here. */
  reset(): void {
    this.leave();
    this.outbox.clear();
    this.api.forget();
    void this.start();
  }

  /** For what is not worth a word to the visitor when it fails: opinions, and a stop that came too late. */
  private async quietly(call: Promise<unknown>): Promise<void> {
    await call.catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
    });
  }
}

/** The last configuration seen, so that the chat has its look and words before the network answers. */
function cached(storage: Storage): Config | null {
  try {
    return JSON.parse(storage.get("config") ?? "null") as Config | null;
  } catch {
    return null; // not ours
  }
}
