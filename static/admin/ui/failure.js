// What went wrong, in words, with a way to try again.
import { html } from "/vendor/preact.js";
import { has, t } from "../i18n.js";
import { Icon } from "./icon.js";

/** One sentence for any failure: ours where we know better, the server's own otherwise. */
export function failureText(failure) {
  const name = `error.${failure.code}`;
  if (has(name)) return t(name, { n: failure.retryAfter ?? 0, detail: failure.message, status: String(failure.status) });
  if (failure.status) return t("error.status", { detail: failure.message || failure.code, status: String(failure.status) });
  return t("error.page", { detail: failure.message });
}

export function Failure({ failure, again, title }) {
  if (!failure) return null;
  return html`<div class="failure" role="alert">
    <${Icon} name="warning" />
    <p>${title && html`<strong>${title} </strong>`}${failureText(failure)}</p>
    ${again && html`<button type="button" class="small" onClick=${again}>${t("retry")}</button>`}
  </div>`;
}
