// The server's clock, and a tick once a second that all countdowns share. It rests while nobody looks.
import { html, useEffect, useReducer } from "/vendor/preact.js";
import { ago, hour, left, moment, t } from "../i18n.js";
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
