/** The chat without its looks: session, conversation, outbox and stream held together; the components read `view`. */
import { Api, ApiError } from "./api";
import { backoffMs } from "./backoff";
import { type Later, later, wordsBy } from "./lazy";
import { type Draft, Outbox } from "./outbox";
import { EMPTY, fromConversation, type State, withMessage } from "./state";
import type { Storage } from "./storage";
import { type Translate, translator, type Words } from "./texts";
import type { Config, Conversation, Event, FileView, Intake, Message, Reason, Session } from "./types";

const TYPING_EVERY_MS = 4000; // a third of what the server believes it for

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
  /** A form stands where one writes. */
  asking: boolean;
  /** The line of the site's that the visitor pressed at the launcher. */
  nudge: number;
  t: Translate;
}

export interface Page {
  url: string;
  title: string;
  locale: string;
  /** JSON of what the page told of its visitor. */
  attributes: string;
}

export class Chat {
  view: View;
  private page: Page = { url: "", title: "", locale: document.documentElement.lang, attributes: "{}" };
  readonly api: Api;
  /** Whether a person can see the messages now; what came meanwhile counts as unread. */
  private visible: boolean;
  private readonly outbox: Outbox;
  private readonly watchers = new Set<() => void>();
  private stream: Later["Stream"]["prototype"] | null = null;
  private connection: "open" | "lost" = "open";
  private reached = true;
  private wake: (() => void) | null = null;
  private starting: Promise<void> | null = null;
  private refetching = false;
  private intake: Intake | null = null;
  private making: Promise<string> | null = null;
  private readonly held: (() => void)[] = [];
  /** What the server was told of the page last, and the identity that the page gave last. */
  private told = "";
  private identity = "";
  /** When the server was told last that the visitor writes. */
  private typed = 0;

  /** @param words the interface's, in the page's language */
  constructor(
    site: string,
    private readonly storage: Storage,
    private words: Words,
    embedded: boolean,
    /** Tells the host page: "message", "handoff", "error". */
    private readonly emit: (name: string, detail: object) => void,
  ) {
    this.api = new Api(site, storage, (code) => emit("error", { code }));
    this.visible = !embedded; // a page that embeds it says when the panel is open
    this.outbox = new Outbox(
      storage,
      (draft) => this.deliver(draft),
      () => this.set({}),
    );
    const config = cached(storage);
    wordsBy(() => this.learn());
    this.view = {
      phase: "starting",
      config,
      state: EMPTY,
      drafts: this.outbox.drafts,
      banner: null,
      person: "idle",
      rating: null,
      takenBack: null,
      asking: false,
      nudge: -1,
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
    const { phase, config, state } = this.view;
    this.view.asking = phase === "ready" && !!config?.ask && !this.intake && (!state.id || state.holder === "closed");
    if (!this.view.asking) for (const run of this.held.splice(0)) run();
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
    const { lang } = document.documentElement;
    return translator((config?.words && config.locale) || lang, config?.words ?? this.words, config?.texts);
  }

  /** The words of the parts that come late, in the page's language; another language comes whole. */
  private async learn(): Promise<void> {
    if (this.words["back"]) return;
    const { words } = await this.api.call<{ words: Words }>("GET", `/words?locale=${document.documentElement.dataset["words"]}`);
    this.words = { ...this.words, ...words };
    this.set({ t: this.translate(this.view.config) });
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
        this.meet(session);
        await Promise.all([this.configure(), session.conversation && this.resume(session.conversation)]);
        this.reached = true;
        this.set({ phase: "ready" });
        return void this.tellPage();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.reached = error.status !== 0 && error.status < 500;
        this.set({ phase: error.passing ? "starting" : "blocked" });
        if (!error.passing) return this.emit("error", { code: error.code });
        await this.pause(Math.max(error.retryAfterMs, backoffMs(attempt)));
      }
    }
  }

  private async configure(): Promise<void> {
    const have = document.documentElement.dataset["words"] ?? "";
    const query = new URLSearchParams({ locale: this.page.locale, have });
    const config = await this.api.call<Config>("GET", `/config?${query}`);
    this.storage.set("config", JSON.stringify(config));
    this.set({ config, t: this.translate(config) });
  }

  /** Nothing that one person left here may go out under another's name. */
  private meet({ visitor, conversation }: Session): void {
    const person = visitor.verified ? visitor.id : null;
    const before = this.storage.get("person");
    if (before && before !== person) {
      this.outbox.clear();
      this.storage.set("typed", null);
    }
    this.storage.set("person", person);
    const { id } = this.view.state;
    if (id && id !== conversation) this.leave();
  }

  /** Where the visitor is and who they are, as the host page says. */
  setPage(page: Page, identity: string): void {
    const { locale } = this.page;
    const known = this.identity;
    this.page = page;
    this.identity = identity;
    if (!this.starting && this.view.phase === "starting") {
      this.api.identity = identity;
      return void this.start();
    }
    if (identity && identity !== known) void this.identify(identity);
    else if (page.locale !== locale) void this.quietly(this.configure());
    void this.tellPage();
  }

  private async identify(identity: string): Promise<void> {
    await this.starting;
    this.api.identity = identity;
    await this.start();
  }

  private async tellPage(): Promise<void> {
    const { url, title, attributes } = this.page;
    const conversation = this.view.state.id;
    const body = JSON.stringify([conversation, url, title, attributes]);
    if (this.view.phase !== "ready" || body === this.told || (attributes === "{}" && !(conversation && url))) return;
    this.told = body;
    await this.quietly(
      this.api.call("POST", "/context", {
        ...(conversation && url && { conversation, page_url: url, page_title: title }),
        attributes: JSON.parse(attributes) as object,
      }),
    );
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
    void this.listen(conversation.id, conversation.last_event);
  }

  /** Forgets the conversation, not the session. */
  private leave(): void {
    this.stream?.stop();
    this.stream = null;
    this.connection = "open";
    this.storage.set("seen", null);
    this.set({ state: EMPTY, person: "idle", rating: null });
    if (this.view.config?.ask) void this.quietly(this.configure()); // of what was asked, some is known now
  }

  private async listen(id: string, last: number): Promise<void> {
    this.stream?.stop();
    this.stream = null;
    const part = await later.load();
    if (this.view.state.id !== id || this.stream) return; // left meanwhile, or begun by another
    if (!part) return void setTimeout(() => void this.listen(id, last), 2000);
    this.stream = new part.Stream(this.api, id, last, {
      event: (event) => this.receive(part.apply(this.view.state, event), event),
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

  private receive(state: State | null, event: Event): void {
    if (!state) return void this.refetch();
    this.set({ state });
    if (event.type === "message") {
      if (event.data.client_id) this.outbox.remove(event.data.client_id);
      this.emit("message", { author: event.data.author });
    } else if (event.type === "answer.done") {
      this.emit("message", { author: "assistant" });
    } else if (event.type === "ticket") this.emit("handoff", { number: event.data.number });
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

  send(text: string, files: FileView[] = []): void {
    this.outbox.add(text, files);
  }

  /** The server wants to know something first: the site asks since a moment ago. */
  private askAgain({ code }: ApiError): boolean {
    const asks = code.startsWith("intake");
    if (asks) {
      this.intake = null;
      void this.quietly(this.configure());
    }
    return asks;
  }

  /** The form is filled in: what waited for it goes out. */
  fill(intake: Intake): void {
    this.intake = intake;
    for (const draft of this.view.drafts) if (draft.failed) this.retry(draft);
    this.set({});
  }

  greet(nudge: number): void {
    this.set({ nudge });
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
      const body = { client_id: draft.client_id, text: draft.text, attachments: draft.files?.map((file) => file.id) ?? [] };
      return this.api.call<{ message: Message }>("POST", `/conversations/${encodeURIComponent(id)}/messages`, body);
    };
    await this.starting; // the session may know an open conversation that this message belongs to
    let answer: { message: Message };
    try {
      if (draft.conversation && draft.conversation !== this.view.state.id) await this.resume(draft.conversation);
      answer = await post(draft.conversation ?? (await this.conversation()));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.askAgain(error)) {
        this.outbox.update(draft.client_id, { conversation: null });
        this.leave(); // it is older than the question
      }
      if (error.status !== 404 && error.status !== 409) throw error;
      this.leave(); // closed or gone meanwhile: the message opens a new one
      answer = await post(await this.conversation());
    }
    this.set({ state: withMessage(this.view.state, answer.message) });
  }

  /** The id of the open conversation; starts one where there is none. */
  private conversation(): Promise<string> {
    return (this.making ??= this.begun().finally(() => (this.making = null)));
  }

  private async begun(): Promise<string> {
    while (this.view.asking) await new Promise<void>((done) => this.held.push(done));
    const { id, holder } = this.view.state;
    if (id && holder !== "closed") return id;
    const { url, title, locale } = this.page;
    const body = {
      ...(url && { page_url: url }),
      ...(title && { page_title: title }),
      ...((locale || navigator.language) && { locale: locale || navigator.language }),
      ...(this.intake && { intake: this.intake }),
    };
    const made = await this.api.call<{ id: string; last_event: number }>("POST", "/conversations", body);
    this.storage.set("seen", null);
    this.intake = null;
    this.set({ state: { ...EMPTY, id: made.id }, rating: null });
    void this.listen(made.id, made.last_event);
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
      this.askAgain(error);
      this.set({ person: "failed" });
    }
  }

  /** Agents are shown that the visitor writes. */
  typing(): void {
    const { id, holder } = this.view.state;
    if (!id || holder === "assistant" || holder === "closed" || Date.now() - this.typed < TYPING_EVERY_MS) return;
    this.typed = Date.now();
    void this.quietly(this.api.call("POST", `/conversations/${encodeURIComponent(id)}/typing`, {}));
  }

  async stop(): Promise<void> {
    const { id } = this.view.state;
    if (id) await this.quietly(this.api.call("POST", `/conversations/${encodeURIComponent(id)}/stop`, {}));
  }

  async feedback(message: Message, helpful: boolean, reason?: Reason): Promise<void> {
    this.set({ state: withMessage(this.view.state, { ...message, helpful, ...(reason && { reason }) }) });
    const body = { helpful, ...(reason && { reason }) };
    await this.quietly(this.api.call("POST", `/messages/${encodeURIComponent(message.id)}/feedback`, body));
  }

  async rate(rating: number): Promise<void> {
    this.set({ rating });
    const { id } = this.view.state;
    if (id) await this.quietly(this.api.call("POST", `/conversations/${encodeURIComponent(id)}/rating`, { rating }));
  }

  newConversation(): void {
    this.leave();
  }

  async openConversation(id: string): Promise<void> {
    this.leave();
    await this.resume(id);
  }

  /** The person logged out on the host page: nothing of theirs stays here, neither stored nor in memory. */
  reset(): void {
    this.api.end();
    this.storage.clear();
    location.reload();
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
    const config = JSON.parse(storage.get("config") ?? "null") as Config | null;
    return config?.locale === document.documentElement.lang ? config : null; // or the first words would be another language's
  } catch {
    return null; // not ours
  }
}
