/** Whose chat this is, who answers, and the way to a person. */
import { useDesk } from "./context";
import { CloseIcon, MoreIcon, PersonIcon } from "./icons";
import { later } from "./lazy";

export function Header({ onClose, onMore }: { onClose: (() => void) | null; onMore: () => void }) {
  const { chat, view } = useDesk();
  const { t, state, config } = view;
  const part = later.use(state.holder === "agent");
  const logo = config?.look.logo;
  const hours = config?.hours_line?.replace(/\.$/, ""); // a sentence there, half a line here
  const status = {
    assistant: [t("assistant"), hours].filter(Boolean).join(" · "),
    queue: t("queue_status"),
    agent: t("agent_status", { name: state.agent ?? t("agent") }),
    closed: t("closed_status"),
  }[state.holder];
  return (
    <header class="head">
      {part ? <part.Face otherwise={logo} /> : logo && <img class="face" src={logo} alt="" width={36} height={36} />}
      <div class="head-names">
        <h1>{config?.site.name ?? document.title}</h1>
        <p title={status}>{status}</p>
      </div>
      {state.holder === "assistant" && view.phase !== "blocked" && (
        <button type="button" class="head-person" aria-label={t("person")} title={t("person")} disabled={view.person === "asking"} onClick={() => chat.askForPerson()}>
          <PersonIcon />
          <span>{t("person_short")}</span>
        </button>
      )}
      {view.phase !== "blocked" && (
        <button type="button" aria-label={t("menu")} title={t("menu")} aria-haspopup="dialog" onClick={onMore}>
          <MoreIcon />
        </button>
      )}
      {onClose && (
        <button type="button" aria-label={t("close")} title={t("close")} onClick={onClose}>
          <CloseIcon />
        </button>
      )}
    </header>
  );
}
