/** People in a note: `@` at the start of a word opens the list of who works for the site (`offers.ts`). */
import { offers } from "./offers";

interface Person {
  name: string;
  about: string; // what tells two of one name apart
}

// A name may have a space within; an address such as "ana@example.com" opens nothing.
const ASKED = /(?:^|[\s(])@([^\n@]{0,60})$/;

export function people(element: HTMLElement): () => void {
  const form = element.closest("form")!;
  const text = form.querySelector("textarea")!;
  const note = form.querySelector<HTMLInputElement>('[name=kind][value="note"]')!;
  const list = offers<Person>(element, text, {
    asked: ASKED,
    active: () => note.checked, // the visitor reads a reply
    read: (body) => (body as { people: Person[] }).people,
    name: (person) => person.name,
    words: () => "",
    drawn: (person) => {
      const [name, about] = [document.createElement("b"), document.createElement("span")];
      [name.textContent, about.textContent] = [person.name, person.about];
      return [name, about];
    },
    insert: (person, at) => text.setRangeText(`@${person.name} `, at, text.selectionStart, "end"),
  });
  return list.stop;
}
