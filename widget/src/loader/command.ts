/** `minidesk('open')` and its like: the page's door to the widget, and the calls that came before it was there. */

type Name = "open" | "close" | "toggle" | "send" | "identify" | "context" | "locale" | "reset";
export type Commands = Record<Name, (value?: unknown) => void>;
type Listener = (data?: unknown) => void;

const byName = new Map<string, Set<Listener>>();

/** Who listens to `name` ("ready", "open", "message" …); a copy, so that they may leave meanwhile. */
export const listeners = (name: string): Listener[] => [...(byName.get(name) ?? [])];

/** Puts `window.minidesk` in place and does what was queued: a page may define it as a function that fills `.q`. */
export function command(commands: Commands): void {
  const run = (name: unknown, first?: unknown, second?: unknown): void => {
    const key = `${first}`;
    if (name === "on") byName.set(key, (byName.get(key) ?? new Set()).add(second as Listener));
    else if (name === "off") byName.get(key)?.delete(second as Listener);
    else if (Object.hasOwn(commands, `${name}`)) commands[name as Name](first);
    else console.warn(`minidesk: no ${name}`);
  };
  const page = window as unknown as { minidesk?: { q?: Iterable<unknown>[] } };
  const queued = page.minidesk?.q ?? [];
  page.minidesk = run as typeof page.minidesk & typeof run;
  for (const [name, first, second] of queued) run(name, first, second);
}
