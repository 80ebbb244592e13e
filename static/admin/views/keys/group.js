// The field where a group of keys is chosen says what its name means.
import { html } from "/vendor/preact.js";
import { t } from "../../i18n.js";
import { Field } from "../../ui/form.js";

export const STANDBY = "standby";
const KNOWN = ["active", STANDBY];

export function GroupField({ groups, ...rest }) {
  const names = [...new Set([...KNOWN, ...groups])];
  return html`<${Field} label=${t("key.group")} hint=${t("key.group_hint")} title=${t("key.group_hint")} list="groups" maxlength="40" pattern="[a-z0-9_\\-]+" ...${rest} />
    <datalist id="groups">${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>`;
}
