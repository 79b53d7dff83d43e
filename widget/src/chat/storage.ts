/** The frame's localStorage, or memory where the browser refuses it: then a reload forgets, and nothing else changes. */

const memory = new Map<string, string>();

export class Storage {
  constructor(private readonly site: string) {}

  private name(key: string): string {
    return `minidesk:${this.site}:${key}`;
  }

  get(key: string): string | null {
    try {
      return localStorage.getItem(this.name(key)) ?? memory.get(this.name(key)) ?? null;
    } catch {
      return memory.get(this.name(key)) ?? null; // third-party storage is blocked
    }
  }

  set(key: string, value: string | null): void {
    if (value === null) memory.delete(this.name(key));
    else memory.set(this.name(key), value);
    try {
      if (value === null) localStorage.removeItem(this.name(key));
      else localStorage.setItem(this.name(key), value);
    } catch {
      // blocked or full: memory has it
    }
  }

  /** Forgets all of the site's. */
  clear(): void {
    memory.clear();
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith(this.name(""))) localStorage.removeItem(name);
    } catch {
      // blocked: memory was all
    }
  }

  /** Calls back when another tab of the same site changed `key`. */
  onChange(key: string, run: () => void): void {
    addEventListener("storage", (event) => {
      if (event.key !== this.name(key)) return;
      if (event.newValue === null) memory.delete(this.name(key));
      run();
    });
  }
}
