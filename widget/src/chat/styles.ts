/** The styles of a part that comes late: a constructed sheet, so that nothing is seen without them and no further file is asked for. */
export function addStyles(css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets.push(sheet);
}
