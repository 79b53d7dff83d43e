/** The tab's title says how many visitors wait, and by a dot that the desk has given the agent a ticket that they have not come for. */

let waiting = 0;
let given = false;

const MARK = /^(?:● )?(?:\(\d+\) )?/;

function write(): void {
  const bare = document.title.replace(MARK, "");
  const title = `${given ? "● " : ""}${waiting ? `(${waiting}) ` : ""}${bare}`;
  if (document.title !== title) document.title = title;
}

export function showWaiting(count: number): void {
  waiting = count;
  write();
}

export function showGiven(some: boolean): void {
  given = some;
  write();
}

/** A swap brings a title of its own, which knows how many wait, and nothing of what was given. */
export function badge(): void {
  waiting = Number(document.title.match(/^\((\d+)\) /)?.[1] ?? 0);
  document.addEventListener("htmx:afterSettle", () => {
    const told = document.title.match(/^(?:● )?\((\d+)\) /);
    if (told) waiting = Number(told[1]);
    write();
  });
}
