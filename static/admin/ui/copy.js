// Copies a text, and says so only when the browser did it.
import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import { t } from "../i18n.js";
import { Icon } from "./icon.js";
import { say } from "./toast.js";

export function Copy({ text, label, wordy = false }) {
  const [done, setDone] = useState(false);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return say(t("copy.failed"), "warn");
    }
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 2000);
  };
  const name = done ? t("copy.done") : label ?? t("copy");
  return html`<button type="button" class=${wordy ? "small" : "icon"} aria-label=${wordy ? undefined : name} title=${wordy ? undefined : name} onClick=${copy}>
    <${Icon} name=${done ? "check" : "copy"} />${wordy && name}
  </button>`;
}
