/** The chat's side of the talk with the page that embeds it. Only the window above, only from an origin that the site
 *  allows, only in our form; and nothing is said before that page has introduced itself (T2). */
import { MARK, readToFrame, type ToFrame, type ToPage } from "../protocol";

export class Host {
  private origin: string | null = null;
  readonly embedded = window.parent !== window;

  /** @param allowed exact origins: the site's, and the desk's own */
  constructor(allowed: readonly string[], heard: (message: ToFrame) => void) {
    addEventListener("message", (event) => {
      if (!this.embedded || event.source !== window.parent || !allowed.includes(event.origin)) return;
      const message = readToFrame(event.data);
      if (!message) return;
      if (message.type === "page") this.origin = event.origin;
      else if (this.origin !== event.origin) return;
      heard(message);
    });
  }

  send(message: ToPage): void {
    if (this.origin) window.parent.postMessage({ mark: MARK, ...message }, this.origin);
  }
}
