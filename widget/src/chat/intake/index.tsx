/** The form before the first message: name, e-mail, a question of the site's own, and consent. */
import { useEffect, useRef } from "preact/hooks";
import { useDesk } from "../context";
import { addStyles } from "../styles";
import styles from "./intake.css?inline";

addStyles(styles);

export function Form({ focusOn }: { focusOn: number }) {
  const { chat, view } = useDesk();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    // Not on a phone: the keyboard would cover the greeting before anybody read it.
    if (focusOn && matchMedia("(hover: hover)").matches) form.current?.querySelector("input")?.focus();
  }, [focusOn]);
  const ask = view.config?.ask;
  if (!ask) return null;
  const { words } = ask;
  const privacy = view.config?.texts["privacy_url"];
  // The limits are the server's (web/visitor_api/intake.py).
  const fields = [
    { name: "name", how: ask.name, label: words["name"], type: "text", most: 120 },
    { name: "email", how: ask.email, label: words["email"], type: "email", most: 254 },
    { name: "answer", how: ask.own, label: ask.question, type: "text", most: 400 },
  ];
  return (
    <form
      ref={form}
      class="composer intake"
      aria-labelledby="intake-title"
      onSubmit={(event) => {
        event.preventDefault();
        chat.fill(Object.fromEntries(new FormData(event.currentTarget)));
        // The button is gone with the form: without this, the keyboard would start again at the top of the page.
        requestAnimationFrame(() => document.querySelector<HTMLElement>(".composer textarea")?.focus());
      }}
    >
      <h2 id="intake-title">{words["title"]}</h2>
      {fields.map(
        ({ name, how, label, type, most }) =>
          how && (
            <label key={name}>
              {label} {how === "optional" && <span class="quiet">{words["optional"]}</span>}
              <input name={name} type={type as "text"} maxLength={most} required={how === "required"} dir="auto" autocomplete={name === "answer" ? "off" : name} />
            </label>
          ),
      )}
      {ask.consent && (
        <label class="agree">
          <input type="checkbox" name="consent" value={ask.consent} required />
          <span dir="auto">{ask.consent}</span>
        </label>
      )}
      <p class="intake-end">
        <button type="submit" class="pill">
          {words["begin"]}
        </button>
        {privacy && /^https?:/.test(privacy) && (
          <a href={privacy} target="_blank" rel="noopener">
            {view.t("privacy")}
          </a>
        )}
      </p>
    </form>
  );
}
