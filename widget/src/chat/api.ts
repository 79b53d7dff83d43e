/** Calls to the visitor API. The token travels in a header only: an address ends up in logs and histories (T4). */
import type { Session } from "./types";
import type { Storage } from "./storage";

export const PREFIX = "/api/widget/v1";
const TIMEOUT_MS = 20_000; // a phone on a train; longer, and the person has pressed again

export class ApiError extends Error {
  /** @param status 0 when no answer came at all */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as { error?: { code?: string; message?: string } } | null; // a proxy's own page
  const wait = Number(response.headers.get("retry-after")) * 1000;
  return new ApiError(response.status, body?.error?.code ?? "unknown", body?.error?.message ?? "", wait || 0);
}

export class Api {
  private opening: Promise<Session> | null = null;
  /** Whom the website says that this is: signed, and told with each session that is opened. */
  identity = "";

  constructor(
    readonly site: string,
    private readonly storage: Storage,
    /** The identity does not hold; the chat goes on without it. */
    private readonly refused: (code: string) => void,
  ) {}

  private get token(): string | null {
    return this.storage.get("token");
  }

  headers(): Record<string, string> {
    // What the server refuses is said in the chat's language, not in the browser's.
    return { "accept-language": document.documentElement.lang, ...(this.token && { authorization: `Bearer ${this.token}` }) };
  }

  /** Opens a session, or renews the one that this browser has. Several callers at once share one call. */
  open(): Promise<Session> {
    const ask = () =>
      this.once<Session>("POST", `/sites/${encodeURIComponent(this.site)}/session`, this.identity ? { identity: this.identity } : {});
    this.opening ??= ask()
      .catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 401 || !(this.identity || this.token)) throw error;
        if (error.code === "identity_invalid") {
          this.identity = "";
          this.refused(error.code);
        } else this.forget(); // too old to be renewed: begin as somebody new
        return ask();
      })
      .then((session) => {
        this.storage.set("token", session.token);
        return session;
      })
      .finally(() => {
        this.opening = null;
      });
    return this.opening;
  }

  forget(): void {
    this.storage.set("token", null);
  }

  /** Makes the token worthless. Outlives the page, because nothing waits for it. */
  end(): void {
    const headers = { ...this.headers(), "content-type": "application/json" };
    if (this.token) void fetch(`${PREFIX}/session/end`, { method: "POST", headers, body: "{}", keepalive: true }).catch(() => undefined); // offline: it ends by itself
  }

  /** @throws ApiError; an expired token is renewed once before */
  async call<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    try {
      return await this.once<T>(method, path, body);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      this.forget();
      await this.open();
      return this.once<T>(method, path, body);
    }
  }

  /** Bytes that are no JSON. @throws ApiError */
  async blob(path: string): Promise<Blob> {
    return (await this.fetch("GET", path)).blob();
  }

  private async once<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const response = await this.fetch(method, path, body);
    try {
      return (await response.json()) as T;
    } catch {
      throw new ApiError(0, "cut_off", ""); // the connection broke inside the answer
    }
  }

  private async fetch(method: "GET" | "POST", path: string, body?: object): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(PREFIX + path, {
        method,
        headers: { ...this.headers(), ...(body ? { "content-type": "application/json" } : {}) },
        body: body ? JSON.stringify(body) : null,
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      throw new ApiError(0, "unreachable", "");
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }
}
