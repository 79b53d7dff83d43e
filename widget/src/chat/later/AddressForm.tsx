/** One mail address, and what became of it. */
import { useState } from "preact/hooks";
import { ApiError } from "../api";
import { useDesk } from "../context";

/** @param send gives what to say when it went well */
export function AddressForm({ label, send }: { label: string; send: (address: string) => Promise<string> }) {
  const { t } = useDesk().view;
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const [problem, setProblem] = useState("");

  const press = async (address: string) => {
    setBusy(true);
    setSaid("");
    setProblem("");
    try {
      setSaid(await send(address));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message || t("load_failed"));
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <form
        class="copy"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void press(String(new FormData(event.currentTarget).get("address")));
        }}
      >
        <label>
          {label}
          <input name="address" type="email" required maxLength={254} autocomplete="email" dir="ltr" placeholder="name@example.com" />
        </label>
        <button type="submit" class="pill">
          {t("send")}
        </button>
      </form>
      <p class="hint" role="status">
        {said}
      </p>
      {problem && (
        <p class="hint alarm" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
