// What list screens have in common: a head, a table of few rows, and the last button of a row.
import { html } from "/vendor/preact.js";
import { t } from "../i18n.js";
import { Failure } from "./form.js";
import { Icon } from "./icon.js";

/** What a screen is called and for, by its `name`, and why it could not be loaded. The children stand beside its title. */
export const Head = ({ name, about, failure, again, children }) => html`
  <header class="head"><h1>${t(`${name}.title`)}</h1>${children}</header>
  <p class="lead">${t(`${name}.lead`, about)}</p>
  <${Failure} failure=${failure} title=${t(`${name}.failed`)} again=${again} />`;

/** `acts`: the rows end with buttons. */
export const Table = ({ title, columns, acts = true, kind = "", children }) => html`<table class=${`plain cards ${kind}`}>
  <caption class="sr">${title}</caption>
  <thead><tr>${columns.map((name) => html`<th key=${name} scope="col">${t(name)}</th>`)}${acts && html`<th scope="col"><span class="sr">${t("keys.col.actions")}</span></th>`}</tr></thead>
  <tbody>${children}</tbody>
</table>`;

export const Trash = ({ name, onClick }) => html`<button type="button" class="icon danger-quiet" aria-label=${t("provider.delete_one", { name })} title=${t("delete")} onClick=${onClick}><${Icon} name="trash" /></button>`;
