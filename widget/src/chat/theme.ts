/** The site's own accent in place of ours. Set through the CSSOM: the page's policy refuses style attributes and elements. */
import type { Config } from "./types";

const OURS = "#1f5f5b"; // has its own, hand-made dark shades in tokens.css

/** Always light or always dark, as the site wants it: the style sheets' dark parts apply everywhere, or nowhere. */
export function keepTo(scheme: string): void {
  document.documentElement.style.colorScheme = scheme;
  for (const sheet of document.styleSheets)
    for (const rule of sheet.cssRules)
      if (rule instanceof CSSMediaRule && rule.conditionText.includes("color-scheme")) rule.media.mediaText = scheme === "dark" ? "all" : "not all";
}

/** @returns the colours in use, for the button on the host page */
export function theme({ accent = "", on_accent, ink, scheme }: Config["look"]): { accent: string; onAccent: string } {
  const own = /^#[0-9a-f]{6}$/i.test(accent) && accent.toLowerCase() !== OURS;
  const onAccent = on_accent ?? "#ffffff";
  const mode = scheme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const shades = {
    "--accent": accent,
    "--on-accent": onAccent,
    "--accent-ink": ink?.[mode] ?? accent,
    "--accent-soft": `color-mix(in srgb, ${accent} 14%, var(--surface))`,
  };
  for (const [name, shade] of Object.entries(shades)) document.documentElement.style.setProperty(name, own ? shade : "");
  return own ? { accent, onAccent } : { accent: OURS, onAccent: "#ffffff" };
}
