// Short news about what was done. Built from the server's answer, never from what was hoped for.
import { html, useEffect, useState } from "/vendor/preact.js";
import { t } from "../i18n.js";
import { failureText } from "./form.js";
import { Icon } from "./icon.js";

const STAY_MS = { good: 6000, warn: 12_000, bad: 20_000 };
let next = 1;
let shown = [];
let publish = () => {};

export const say = (text, kind = "good") => push({ text, kind });
export const complain = (failure, what) => push({ text: failureText(failure), title: what, kind: "bad" });

/** The page's one status region and one alert region. */
export function Toasts() {
  const [toasts, setToasts] = useState(shown);
  useEffect(() => void (publish = setToasts), []);
  const of = (bad) => toasts.filter(({ kind }) => (kind === "bad") === bad).map((toast) => html`<${Toast} key=${toast.id} ...${toast} />`);
  return html`<div class="toasts">
    <div role="alert">${of(true)}</div>
    <div role="status">${of(false)}</div>
  </div>`;
}

function Toast({ id, text, title, kind }) {
  return html`<div class=${`toast ${kind}`}>
    <${Icon} name=${kind === "good" ? "check" : "warning"} />
    <p>${title && html`<strong>${title} </strong>`}${text}</p>
    <button type="button" class="icon" aria-label=${t("dismiss")} onClick=${() => drop(id)}><${Icon} name="close" /></button>
  </div>`;
}

function push(toast) {
  const id = next++;
  shown = [...shown.slice(-3), { ...toast, id }];
  publish(shown);
  setTimeout(() => drop(id), STAY_MS[toast.kind]);
}

function drop(id) {
  shown = shown.filter((toast) => toast.id !== id);
  publish(shown);
}
