// What was counted: the rates now, a chart over time, who used how much, and a report of what it cost. What tokens cost.
import { html, useState } from "../preact.js";
import * as api from "../api.js";
import { clock, compact, date, duration, money, number, percent, t } from "../i18n.js";
import { download, Failure, Field, Go, Segments, useAction, useAnswer } from "../ui/form.js";
import { Head, replaceHash, Table, Things } from "../ui/screen.js";
import { AsOf, Chart, Icon } from "../ui/show.js";

const BYS = ["provider", "key", "model", "client"];
const RANGES = ["60m", "24h", "30d"];
const LINES = {
  requests: [["ok", "accent"], ["failed", "bad"], ["other", "faint"]],
  tokens: [["prompt_tokens", "accent"], ["completion_tokens", "second"]],
  cost: [["cost_micros", "accent"]],
  latency: [["p50_ms", "accent"], ["p95_ms", "second"]],
};
const COLUMNS = ["field.requests", "usage.success", "field.tokens", "field.cost", "line.p95_ms"];
const SHOWN = 100;
const MONTH_MS = 29 * 86_400_000;

export function Usage({ route }) {
  const { by = "provider", range = "60m", figure = "requests", only = "" } = route.query;
  const { answer, failure, again } = useAnswer(() => load(by, range, only), 10_000, [by, range, only].join());
  const go = (change) => replaceHash({ screen: "usage", query: { ...route.query, ...change } });
  const choice = (name, value, options, change = {}) => html`<${Segments} label=${t(`usage.${name}`)} value=${value} options=${options} choose=${(option) => go({ ...change, [name]: option })} />`;
  return html`
    <${Head} name="usage" about=${{ zone: answer?.time_zone ?? "UTC" }} failure=${failure} again=${again}><${AsOf} asOf=${answer?.as_of} refresh=${again} /><//>
    ${answer && html`
      <${Tiles} of=${answer.total} />
      <section class="card stack">
        <div class="filters">
          <h2>${only ? answer.names[only] ?? only : t("usage.all")}</h2>
          ${only && html`<button type="button" class="link" onClick=${() => go({ only: "" })}>${t("usage.show_all")}</button>`}
          ${choice("figure", figure, Object.keys(LINES).map((name) => [name, t(`field.${name}`)]))}
          ${choice("range", range, RANGES.map((name) => [name, t(`usage.${name}`)]))}
        </div>
        <${History} of=${answer} figure=${figure} />
      </section>
      <div class="filters">${choice("by", by, BYS.map((name) => [name, t(`field.${name}`)]), { only: "" })}</div>
      <${Shares} of=${answer} only=${only} choose=${(name) => go({ only: name === only ? "" : name })} />
      <${Report} />`}`;
}

/** One answer, so that no figure is shown with another's name. */
async function load(by, range, only) {
  const ask = { key: () => api.listKeys({ limit: 1000 }), client: api.clients.list }[by];
  const [now, series, named = {}] = await Promise.all([api.stats({ by }), api.series({ range, [by]: only }), ask?.()]);
  const names = (named.keys ?? named.clients ?? []).map(({ id, label, key_masked }) => [id, label || key_masked]);
  return { ...now, series, dimension: by, names: { env: "PROXY_API_KEY", "": t("none"), ...Object.fromEntries(names) } };
}

function Tiles({ of: { rpm, tpm, rpd, tpd, today } }) {
  const both = ({ p50, p95 }) => `${duration(p50)} / ${duration(p95)}`;
  const figures = { rpm: number(rpm), tpm: number(tpm), rpd: number(rpd), tpd: compact(tpd), success: rate(today), latency_today: both(today.latency_ms), first_byte: both(today.first_byte_ms), spend: money(today.cost_micros) };
  return html`<dl class="tiles wide">${Object.entries(figures).map(([name, value]) => html`<div key=${name} class="tile"><dt>${t(`usage.${name}`)}</dt><dd class="num">${value}</dd></div>`)}</dl>`;
}

const rate = ({ success_rate }) => (success_rate === null ? "–" : percent(success_rate));

function History({ of: { series: { range, times, lines: [line] }, time_zone }, figure }) {
  if (!line?.requests.some(Boolean)) return html`<div class="empty"><p>${t("usage.nothing")}</p></div>`;
  const all = { ...line, other: line.requests.map((n, i) => n - line.ok[i] - line.failed[i]) };
  const show = { cost: money, latency: duration }[figure];
  return html`<${Chart} key=${figure} title=${t(`field.${figure}`)} whole=${t(`usage.${range}`)} stacked=${figure !== "latency"} show=${show ?? number} brief=${show}
    when=${(i) => (range === "30d" ? date(times[i], time_zone) : clock(times[i]))} lines=${LINES[figure].map(([name, kind]) => ({ kind, label: t(`line.${name}`), values: all[name] }))} />`;
}

function Shares({ of: { by: rows, dimension, names }, only, choose }) {
  if (rows.length === 0) return html`<div class="empty"><p>${t("usage.nothing")}</p></div>`;
  return html`<${Table} title=${t("usage.today")} kind="figures num" acts=${false} columns=${[`field.${dimension}`, ...COLUMNS]}>
    ${rows.slice(0, SHOWN).map(({ name, today }) => html`<tr key=${name}>
      <th scope="row">${name ? html`<button type="button" class="link" aria-pressed=${name === only} onClick=${() => choose(name)}>${names[name] ?? name}</button>` : names[""]}</th>
      ${cells(today).map(([value, note, n], i) => html`<td key=${i} data-label=${t(COLUMNS[i])}>${value}${n > 0 && html` <small>${t(`usage.${note}`, { n })}</small>`}</td>`)}
    </tr>`)}
  <//>
  ${rows.length > SHOWN && html`<p class="faint">${t("preview.more", { n: rows.length - SHOWN })}</p>`}`;
}

/** As in `COLUMNS`, with what must be said of the figure. */
const cells = ({ requests, tokens, cost_micros, latency_ms, ...today }) => [
  [number(requests.total)],
  [rate(today)],
  [number(tokens.prompt + tokens.completion), "estimated", tokens.estimated_prompt + tokens.estimated_completion],
  [money(cost_micros), "unpriced", requests.unpriced],
  [duration(latency_ms.p95)],
];

function Report() {
  const [form, setForm] = useState(() => ({ from: dateOf(Date.now() - MONTH_MS), to: dateOf(Date.now()), by: "day" }));
  const field = (name, rest) => html`<${Field} label=${t(`report.${name}`)} required value=${form[name]} onText=${(value) => setForm((old) => ({ ...old, [name]: value }))} ...${rest} />`;
  const get = useAction(async () => download(await api.costReport(form), `keypool-cost-${form.from}-${form.to}-by-${form.by}.csv`));
  return html`<section class="card stack"><h2>${t("report.title")}</h2>
    <form class="fields" onSubmit=${get.submit}>
      ${field("from", { type: "date" })}${field("to", { type: "date" })}
      ${field("by", { control: "select", children: ["day", ...BYS].map((name) => html`<option value=${name}>${t(`field.${name}`)}</option>`) })}
      <${Go} submit of=${get} kind=""><${Icon} name="down" />${t("report.get")}<//>
    </form>
    <${Failure} failure=${get.failure} />
  </section>`;
}

/** "2026-11-20", of this computer's day. */
const dateOf = (ms) => new Date(ms).toLocaleDateString("en-CA");

const RATES = ["input", "cached_input", "output"];

/** The reader's own prices, which win, and the shipped ones. Dollars here, micro-dollars in the API. */
const PRICES = {
  name: "prices",
  ask: api.prices.list,
  every: 60_000,
  about: (answer) => ({ date: answer?.shipped.date ?? "" }),
  rows: ({ prices, shipped }) => [...prices.map((price) => ({ ...price, own: true })), ...shipped.prices],
  id: ({ own, provider, model }) => `${own ? "own" : "shipped"} ${provider}/${model}`,
  label: ({ model }) => model,
  sought: ({ provider, model }) => `${provider}/${model}`,
  kind: "figures num",
  columns: ["field.model", ...RATES.map((name) => `field.${name}`)],
  fixed: ({ own }) => (own ? [] : ["remove"]),
  cells: (price) => html`
    <th scope="row"><span class="row">${price.model}${price.own && html`<span class="chip plain">${t("price.own")}</span>`}</span>
      <small>${price.source ? html`<a href=${price.source} target="_blank" rel="noreferrer">${price.provider}</a>` : price.provider}</small></th>
    ${RATES.map((name) => html`<td key=${name} data-label=${t(`field.${name}`)}>${money(price[name])}</td>`)}`,
  fields: (_, { own, model }) => [
    ...["provider", "model"].map((name) => ({ name, required: true, maxlength: 200, readonly: own, class: "mono", usual: name === "provider" ? "*" : "", first: name === "model" && !model })),
    RATES.map((name) => ({ name, kind: "dollars", max: 10_000, required: name !== "cached_input" })),
  ],
  below: () => html`<small>${t("price.hint")}</small>`,
  // Of a shipped price this makes one's own.
  add: (_, whole) => api.prices.put(whole),
  change: (_, __, whole) => api.prices.put(whole),
  remove: ({ provider, model }) => api.prices.remove({ provider, model }),
};

export const Prices = ({ route }) => html`<${Things} of=${PRICES} route=${route} />`;
