/** The way to a person, as long as the assistant answers. */
import { useDesk } from "../context";

export function PersonButton() {
  const { chat, view } = useDesk();
  const { t, person, state } = view;
  if (state.holder !== "assistant") return null;
  return (
    <button type="button" class="pill" disabled={person === "asking"} onClick={() => chat.askForPerson()}>
      {person === "asking" ? t("person_asking") : t("person")}
    </button>
  );
}
