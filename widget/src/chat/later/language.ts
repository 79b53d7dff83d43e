/** Which of our languages a text is in, for whoever reads it out: by its letters, else by its smallest words. */

const LETTERS: [RegExp, string][] = [
  [/[\u3040-\u30ff]/, "ja"],
  [/[\u0590-\u05ff]/, "he"],
  [/[\u0600-\u06ff]/, "ar"],
];
const WORDS: Record<string, string> = {
  de: "der die das und ist nicht sie mit für ein",
  en: "the and is are you of to with for your",
  es: "el los las que para una con por es su",
  fr: "le les des est vous pour une dans votre et",
  it: "il che per una di gli sono con è nel",
  nl: "het een van je niet en met voor op dat",
  pl: "nie jest się na w do z po oraz że",
  pt: "não que para uma os você com em do da",
  tr: "bir ve için bu ile olarak da var en çok",
};

/** @param otherwise for a text that is too short to tell */
export function languageOf(text: string, otherwise: string): string {
  const written = LETTERS.find(([letters]) => letters.test(text));
  if (written) return written[1];
  const said = text.toLowerCase().split(/[^\p{L}]+/u);
  const counts = Object.entries(WORDS).map(([language, words]): [string, number] => {
    const known = words.split(" ");
    return [language, said.filter((word) => known.includes(word)).length];
  });
  const [first, second] = counts.sort((a, b) => b[1] - a[1]);
  return first && second && first[1] > 1 && first[1] > second[1] ? first[0] : otherwise;
}
