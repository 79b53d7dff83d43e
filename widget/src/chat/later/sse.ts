/** Server-sent events read with fetch, because EventSource cannot send a header and the token must not be in an address. */

export interface RawEvent {
  id: string;
  type: string;
  data: string;
}

/** Cuts a stream of text into events, whatever pieces the network delivers (a piece may end inside "\r\n"). */
export class EventParser {
  private rest = "";
  private id = "";
  private type = "";
  private data: string[] = [];

  *push(piece: string): Generator<RawEvent> {
    this.rest += piece;
    let cut: RegExpExecArray | null;
    // A "\r" at the very end waits: its "\n" may be in the next piece.
    while ((cut = /\r\n|\n|\r(?!$)/.exec(this.rest))) {
      const line = this.rest.slice(0, cut.index);
      this.rest = this.rest.slice(cut.index + cut[0].length);
      if (line) this.field(line);
      else yield* this.dispatch();
    }
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: the ping
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.type = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }

  private *dispatch(): Generator<RawEvent> {
    if (this.data.length) yield { id: this.id, type: this.type || "message", data: this.data.join("\n") };
    this.type = "";
    this.data = [];
  }
}
