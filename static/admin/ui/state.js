// A key's state as a chip, and why it is so in a few words. Colour is never the only sign.
import { html } from "/vendor/preact.js";
import { has, t } from "../i18n.js";
import { Countdown, serverNow } from "./clock.js";

/** "active", "cooling", "disabled", or "off" for a key that a person switched off. */
export const stateOf = (key) => (key.enabled ? key.state : "off");

export const className = (name) => (has(`class.${name}`) ? t(`class.${name}`) : name);

export const StateChip = ({ value }) => html`<span class=${`chip ${value}`}>${t(`state.${value}`)}</span>`;

/** The cooldowns that still run, the soonest to end first. */
export const running = (key) => key.cooldowns.filter(({ until }) => until > serverNow()).sort((a, b) => a.until - b.until);

export function Why({ of: key }) {
  if (key.state === "active" && !key.usable) return html`<span class="why">${t(key.weight === 0 ? "why.no_weight" : "why.provider_off")}</span>`;
  if (key.state === "cooling") return html`<${Cooling} cooldowns=${running(key)} />`;
  if (key.state !== "disabled" || !key.enabled || !key.reason) return null;
  const { reason } = key;
  const what = reason.status ? t("why.status", { what: className(reason.class), status: String(reason.status) }) : className(reason.class);
  return html`<span class="why">${what}${reason.next_probe && html` · ${t("why.probe")} <${Countdown} until=${reason.next_probe} />`}</span>`;
}

function Cooling({ cooldowns }) {
  const [first, ...others] = cooldowns;
  if (!first) return html`<span class="why">${t("time.due")}</span>`;
  return html`<span class="why"><${Countdown} until=${first.until} /> · ${first.model ?? t("why.all_models")}${others.length > 0 && html` · ${t("why.more", { n: others.length })}`}</span>`;
}
