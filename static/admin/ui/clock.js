// The server's clock, with a tick once a second that all countdowns share and that rests while nobody looks; and a key's
// state, with why it is so and for how long. Color is never the only sign.
import { html, useEffect, useReducer } from "/vendor/preact.js";
import { ago, has, hour, left, moment, t } from "../i18n.js";
import { Icon } from "./icon.js";

let skew = 0;
const watchers = new Set();
let timer = null;

/** The server said it is `ms` now: countdowns are right even where this computer's clock is not. */
export const setServerTime = (ms) => (skew = ms - Date.now());
export const serverNow = () => Date.now() + skew;

export function useTick() {
  const [, tick] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    watchers.add(tick);
    timer ??= setInterval(() => document.hidden || watchers.forEach((watcher) => watcher()), 1000);
    return () => {
      watchers.delete(tick);
      if (watchers.size === 0) timer = clearInterval(timer) ?? null;
    };
  }, []);
}

export function Countdown({ until }) {
  useTick();
  const rest = until - serverNow();
  const text = rest > 0 ? left(rest) : t("time.due");
  return html`<time class="num" dateTime=${iso(until)} title=${moment(until)}>${text}</time>`;
}

export function Ago({ at }) {
  useTick();
  if (!at) return html`<span class="faint">${t("time.never")}</span>`;
  return html`<time class="num" dateTime=${iso(at)} title=${moment(at)}>${ago(serverNow() - at)}</time>`;
}

/** "as of", with a button to ask again. */
export const AsOf = ({ asOf, refresh }) => html`<span class="as-of">
  ${asOf && html`<span class="num">${t("as_of", { time: hour(asOf) })}</span>`}
  <button type="button" class="icon" aria-label=${t("refresh")} title=${t("refresh")} onClick=${refresh}><${Icon} name="refresh" /></button>
</span>`;

function iso(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

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
