/** The site's own accent in place of ours, in shades that can be read on our surfaces. Set through the CSSOM: the page's
 *  policy refuses style attributes and elements. */

type Rgb = [number, number, number];

const OURS = "#1f5f5b"; // has its own, hand-made dark shades in tokens.css
const SURFACE: Record<"light" | "dark", Rgb> = { light: [246, 245, 242], dark: [30, 32, 29] }; // the one nearer to mid-grey
const READABLE = 4.5; // WCAG 2.2, 1.4.3, text

export function parse(hex: string): Rgb | null {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return found && (found.slice(1).map((pair) => parseInt(pair, 16)) as Rgb);
}

const format = (rgb: Rgb): string => `#${rgb.map((one) => Math.round(one).toString(16).padStart(2, "0")).join("")}`;

/** Relative luminance as WCAG 2.2 defines it. */
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The colour itself where it can be read on `surface`, else the nearest step towards black or white that can. */
export function readable(colour: Rgb, surface: Rgb): Rgb {
  const end = luminance(surface) > 0.2 ? 0 : 255;
  for (let step = 0; step <= 20; step++) {
    const mixed = colour.map((one) => one + ((end - one) * step) / 20) as Rgb;
    if (contrast(mixed, surface) >= READABLE) return mixed;
  }
  return [end, end, end];
}

/** @returns the colours in use, for the button on the host page */
export function theme(look: { accent?: string; on_accent?: string }): { accent: string; onAccent: string } {
  const { style } = document.documentElement;
  const accent = parse(look.accent ?? "");
  const names = ["--accent", "--on-accent", "--accent-ink", "--accent-soft"];
  if (!accent || format(accent) === OURS) {
    for (const name of names) style.removeProperty(name);
    return { accent: OURS, onAccent: "#ffffff" };
  }
  const white: Rgb = [255, 255, 255];
  const given = parse(look.on_accent ?? "");
  const on = given ?? (contrast(accent, white) >= READABLE ? white : ([29, 28, 26] as Rgb));
  const mode = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  style.setProperty("--accent", format(accent));
  style.setProperty("--on-accent", format(on));
  style.setProperty("--accent-ink", format(readable(accent, SURFACE[mode])));
  style.setProperty("--accent-soft", `color-mix(in srgb, ${format(accent)} 14%, var(--surface))`);
  return { accent: format(accent), onAccent: format(on) };
}
