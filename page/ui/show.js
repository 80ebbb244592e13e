// What screens show: icons, a key's state and why, times that tick, figures over time.
import { html, useEffect, useReducer, useState } from "../preact.js";
import { ago, compact, hour, left, moment, t, word } from "../i18n.js";

// Line icons on a 16 px grid, drawn in the text's color. They say nothing to a screen reader: the button's label does.
const PATHS = {
  audit: "M4 3h8v10H4zM6 6h4M6 9h4",
  backup: "M3 3h10v3H3zM4 6v7h8V6M7 9h2",
  add: "M8 3v10M3 8h10",
  check: "M3 8.5l3.2 3.2L13 5",
  clients: "M5.5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c.3-2.4 1.9-3.7 4-3.7s3.7 1.3 4 3.7M10.5 3.2a2.4 2.4 0 0 1 0 4.6M11.8 10c1.6.5 2.5 1.7 2.7 3.5",
  close: "M4 4l8 8M12 4l-8 8",
  connect: "M6.5 9.5l3-3M7 4.5l1.5-1.5a3.2 3.2 0 0 1 4.5 4.5L11.5 9M9 11.5L7.5 13A3.2 3.2 0 0 1 3 8.5L4.5 7",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  down: "M8 3v10M4 9l4 4 4-4",
  edit: "M3 13l.6-2.8L11 2.8l2.2 2.2-7.4 7.4L3 13z",
  exit: "M6 3H3v10h3M7 8h7M11 5l3 3-3 3",
  eye: "M1.5 8s2.3-4.2 6.5-4.2S14.5 8 14.5 8s-2.3 4.2-6.5 4.2S1.5 8 1.5 8zM8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2z",
  go: "M6 4l4 4-4 4",
  keys: "M5.5 10.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8.3 7.7H14M12 7.7v2.6",
  models: "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
  off: "M8 2.5v5M4.8 4.3a5 5 0 1 0 6.4 0",
  overview: "M3 13V9M6.5 13V5M10 13V7M13.5 13V3",
  playground: "M3 3h10v7H8l-3 3v-3H3z",
  prices: "M8 2v12M11 4.5H6.5a1.7 1.7 0 0 0 0 3.5h3a1.7 1.7 0 0 1 0 3.5H5",
  providers: "M3 3h10v4H3zM3 9h10v4H3zM5.5 5h.01M5.5 11h.01",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.7h-2.7",
  requests: "M3 4h5M3 8h10M3 12h7",
  reset: "M3 8a5 5 0 1 0 1.5-3.6M3 2.5v2.7h2.7",
  rules: "M2.5 5h9M9 2.5L11.5 5 9 7.5M13.5 11h-9M7 8.5L4.5 11 7 13.5",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5L14 14",
  settings: "M2.5 5h7M12.5 5h1M2.5 11h1M6.5 11h7M11 3.5v3M5 9.5v3",
  star: "M8 2.5l1.7 3.5 3.8.5-2.8 2.7.7 3.8L8 11.2 4.6 13l.7-3.8L2.5 6.5 6.3 6z",
  test: "M5 3l8 5-8 5z",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  unfold: "M4 6.5l4 4 4-4",
  up: "M8 13V3M4 7l4-4 4 4",
  warning: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.3v.01",
};

export const Icon = ({ name }) => html`<svg class="icon-art" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;

/** A button that shows only an icon. */
export const Act = ({ icon, label, kind = "", ...rest }) => html`<button type="button" class=${`icon ${kind}`} aria-label=${label} title=${label} ...${rest}><${Icon} name=${icon} /></button>`;

// The server's clock, with a tick once a second that all countdowns share and that rests while nobody looks. Color is never the only sign.
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

export const AsOf = ({ asOf, refresh }) => html`<span class="as-of">
  ${asOf && html`<span class="num">${t("as_of", { time: hour(asOf) })}</span>`}
  <${Act} icon="refresh" label=${t("refresh")} onClick=${refresh} />
</span>`;

function iso(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** "active", "cooling", "disabled", or "off" for a key that a person switched off. */
export const stateOf = (key) => (key.enabled ? key.state : "off");

export const className = (name) => word(`class.${name}`, name);

export const StateChip = ({ value }) => html`<span class=${`chip ${value}`}>${t(`state.${value}`)}</span>`;

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

// What a line of counts is shown as.
export const RANGES = ["60m", "24h", "30d"];
export const REQUEST_LINES = [["ok", "accent"], ["failed", "bad"], ["other", "faint"]];
export const withOther = (line) => ({ ...line, other: line.requests.map((n, i) => n - line.ok[i] - line.failed[i]) });

/** `lines`: [{ label, kind, values }] with null where nothing was measured; `when(i)` and `show(value)` give the words. */
export function Chart({ title, whole, lines, stacked, when, show, brief = compact }) {
  const [chosen, choose] = useState(null);
  const [{ values: first }] = lines;
  const size = first.length;
  const at = chosen ?? (stacked ? null : first.findLastIndex((value) => value !== null));
  const name = at === null ? whole : when(at);
  const figure = ({ values }) => show(at === null ? values.reduce(add) : values[at]);
  const below = (n, i) => lines.slice(0, n).reduce((sum, { values }) => sum + values[i], 0);
  const top = ceiling(stacked ? first.map((_, i) => below(lines.length, i)) : lines.flatMap(({ values }) => values));
  const point = (n) => choose(Math.max(0, Math.min(size - 1, n)));
  const move = ({ clientX, currentTarget }) => {
    const { left, width } = currentTarget.getBoundingClientRect();
    point(Math.floor(((clientX - left) / width) * size));
  };
  const step = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -size, End: size }[event.key];
    if (!by) return;
    event.preventDefault();
    point((at ?? size) + by);
  };
  const high = (value) => (value / top) * 100;
  const bar = (n) => (value, i) => value ? `M${i + 0.12} ${100 - high(below(n, i))}v${-high(value)}h.76v${high(value)}z` : "";
  // A gap stays a gap; a point between two of them is a dot.
  const dot = (value, i, values) => (value === null ? "" : `${values[i - 1] == null ? "M" : "L"}${i + 0.5} ${100 - high(value)}h0`);
  return html`<figure class="chart num">
    <figcaption class="row"><strong>${name}</strong>${lines.map((line, i) => html`<span key=${i} class=${`row ${line.kind}`}><i></i>${line.label} <b>${figure(line)}</b></span>`)}</figcaption>
    <p class="scale">${[top, top / 2, 0].map((value) => html`<span>${brief(value)}</span>`)}</p>
    <div class="plot" role="slider" tabindex="0" aria-label=${title} aria-valuemin="0" aria-valuemax=${size - 1} aria-valuenow=${at ?? size - 1}
      aria-valuetext=${[name, ...lines.map((line) => `${line.label} ${figure(line)}`)].join(", ")}
      onKeyDown=${step} onPointerMove=${move} onPointerDown=${move} onPointerLeave=${() => choose(null)} onBlur=${() => choose(null)}>
      <svg viewBox=${`0 0 ${size} 100`} preserveAspectRatio="none" aria-hidden="true">
        <path class="grid" d=${`M0 0h${size}M0 50h${size}M0 100h${size}`} />
        ${at !== null && html`<rect x=${at} width="1" height="100" />`}
        ${lines.map(({ kind, values }, n) => html`<path key=${n} class=${`${kind} ${stacked ? "bar" : "line"}`} d=${values.map(stacked ? bar(n) : dot).join("")} />`)}
      </svg>
    </div>
    <p class="times">${[0, size >> 1, size - 1].map((i) => html`<span>${when(i)}</span>`)}</p>
  </figure>`;
}

const add = (a, b) => a + b;

function ceiling(values) {
  const most = Math.max(2, ...values);
  const unit = 10 ** Math.floor(Math.log10(most));
  const step = unit > 1 && most < 2 * unit ? unit / 5 : unit * 2;
  return Math.ceil(most / step) * step;
}
