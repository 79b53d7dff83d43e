/** The chat's words. They come with the page, in its language (src/minidesk/text/locales/*.json, keys `widget.…`), those of the
 *  late parts with these (`later.…`); what
 *  the site's owner wrote in the console (`config.texts`) comes before them. */
import type english from "../../../src/minidesk/text/locales/en.json";

type Keys<K> = K extends `${"widget" | "later"}.${infer Rest}` ? Rest : never;
export type TextKey = Keys<keyof typeof english>;

/** A text, or its forms by plural category. */
export type Words = Record<string, string | Record<string, string>>;

export type Translate = (key: TextKey, values?: Record<string, string | number>) => string;

/**
 * @param locale a language tag: chooses plural forms (by the value `n`) and writes numbers
 * @param own the site's words by the same keys
 */
export function translator(locale: string, words: Words, own: Record<string, string | null | undefined> = {}): Translate {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale, { useGrouping: false });
  return (key, values = {}) => {
    const found = own[key] || words[key] || key;
    const text = typeof found === "string" ? found : (found[plurals.select(Number(values["n"]))] ?? found["other"] ?? key);
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "number" ? numbers.format(value) : (value ?? whole);
    });
  };
}
