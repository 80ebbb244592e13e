// What was counted: a chart over time, who used how much today, and a report of what it cost.
import { html, useState } from "../../preact.js";
import * as api from "../../api.js";
import { clock, date, duration, money, number, percent, t } from "../../i18n.js";
import { Failure, Field, saveFile, Segments, useAction, useAnswer } from "../../ui/form.js";
import { Table } from "../../ui/screen.js";
import { Chart, Icon, RANGES, REQUEST_LINES, withOther } from "../../ui/show.js";

const BYS = ["provider", "key", "model", "client"];
/** A figure's lines when all is one, and its single line of each name. */
const FIGURES = {
  requests: [REQUEST_LINES, "requests"],
  failed: [[["failed", "bad"]], "failed"],
  tokens: [[["prompt_tokens", "accent"], ["completion_tokens", "second"]], "tokens"],
  cost: [[["cost_micros", "accent"]], "cost_micros"],
  latency: [[["p50_ms", "accent"], ["p95_ms", "second"]], "p95_ms"],
};
const COLUMNS = ["field.requests", "usage.success", "field.tokens", "field.cost", "line.p95_ms"];
const SHOWN = 100;
const FEW = 20;
const TOP = 5; // lines told apart by color; the others are one
const MONTH_MS = 29 * 86_400_000;
const EVERY_MS = { "60m": 10_000 }; // the others change slowly, and each look reads storage

const asked = ({ by = "", range = "60m", figure = "requests", only = "" }) => ({ by: BYS.includes(by) ? by : "", range, figure: figure in FIGURES ? figure : "requests", only: by && only });

/** One answer, so that no figure is shown with another's name. */
export function useUsage(query) {
  const { by, range, only } = asked(query);
  const [names] = useState(() => new Map([["env", "PROXY_API_KEY"]]));
  return useAnswer(async () => {
    const [now, all, parts] = await Promise.all([api.stats({ by }), api.series({ range, [by]: only }), by && !only && api.series({ range, by })]);
    await learn(names, by, now.by.map(({ name }) => name));
    return { ...now, all: whole(all.lines[0]), times: all.times, parts: parts && parts.lines.map(whole), dimension: by, names };
  }, EVERY_MS[range] ?? 60_000, [by, range, only].join());
}

/** Asks for the names of ids that are not known: for many by a list, which may not have them all. What is gone keeps its id. */
async function learn(names, by, ids) {
  const unknown = () => ids.filter((id) => !names.has(id));
  const note = ({ id, label, key_masked: masked }) => names.set(id, label || masked);
  if (by === "client" && unknown().length) (await api.clients.list()).clients.forEach(note);
  if (by === "key" && unknown().length > FEW) (await api.listKeys({ limit: 1000 })).keys.forEach(note);
  if (by === "key") await Promise.all(unknown().filter(Boolean).slice(0, FEW).map((id) => api.key(id).then(note, () => {})));
  for (const id of unknown()) names.set(id, id);
}

const whole = (line) => ({ ...withOther(line), tokens: line.prompt_tokens.map((n, i) => n + line.completion_tokens[i]) });

export function Usage({ of, query, go }) {
  const { by, range, figure, only } = asked(query);
  const name = (id) => of.names.get(id) || id || t("none");
  const choice = (what, value, options, change = {}) => html`<${Segments} label=${t(`usage.${what}`)} value=${value} options=${options} choose=${(option) => go({ ...change, [what]: option })} />`;
  return html`
    <section class="card stack">
      <div class="filters">
        <h2>${only ? name(only) : t("usage.title")}</h2>
        ${only && html`<button type="button" class="link" onClick=${() => go({ only: "" })}>${t("usage.show_all")}</button>`}
        ${choice("range", range, RANGES.map((option) => [option, t(`usage.${option}`)]))}
        ${choice("figure", figure, Object.keys(FIGURES).map((option) => [option, t(`field.${option}`)]))}
        ${choice("by", by, [["", t("keys.all")], ...BYS.map((option) => [option, t(`field.${option}`)])], { only: "" })}
      </div>
      <${History} of=${of} figure=${figure} range=${range} name=${name} />
    </section>
    ${of.dimension && html`<${Shares} of=${of} only=${only} name=${name} choose=${(id) => go({ only: id === only ? "" : id })} />`}
    <p class="lead">${t("usage.lead", { zone: of.time_zone })}</p>
    <${Report} />`;
}

function History({ of: { all, parts, times, time_zone: zone }, figure, range, name }) {
  if (!all.requests.some(Boolean)) return html`<div class="empty"><p>${t("usage.nothing")}</p></div>`;
  const [own, figureOfEach] = FIGURES[figure];
  const show = { cost: money, latency: duration }[figure];
  const lines = parts ? shared(parts, all, figureOfEach, name) : own.map(([line, kind]) => ({ kind, label: t(`line.${line}`), values: all[line] }));
  return html`<${Chart} key=${figure + lines.length} title=${t(`field.${figure}`)} whole=${t(`usage.${range}`)} stacked=${figure !== "latency"} show=${show ?? number} brief=${show}
    when=${(i) => (range === "30d" ? date(times[i], zone) : clock(times[i]))} lines=${lines} />`;
}

/** The names with the most of it, and what all the others have together; times do not add up. */
function shared(parts, all, figure, name) {
  const most = (line) => line[figure].reduce((sum, value) => sum + value, 0);
  const top = parts.filter(most).toSorted((a, b) => most(b) - most(a)).slice(0, TOP);
  const times = figure === "p95_ms";
  const lines = top.map((line, i) => ({ kind: `s${i}`, label: name(line.name) + (times ? ` ${t("line.p95_ms")}` : ""), values: line[figure] }));
  if (times) return lines.length ? lines : [{ kind: "faint", label: "", values: all[figure] }];
  const rest = all[figure].map((sum, i) => Math.max(0, top.reduce((left, line) => left - line[figure][i], sum)));
  return rest.some(Boolean) || !top.length ? [...lines, { kind: "faint", label: t("usage.rest"), values: rest }] : lines;
}

function Shares({ of: { by: rows, dimension }, only, name, choose }) {
  if (rows.length === 0) return html`<div class="empty"><p>${t("usage.nothing")}</p></div>`;
  return html`<${Table} title=${t("usage.today")} kind="figures num" acts=${false} columns=${[`field.${dimension}`, ...COLUMNS]}>
    ${rows.slice(0, SHOWN).map(({ name: id, today }) => html`<tr key=${id}>
      <th scope="row">${id ? html`<button type="button" class="link" aria-pressed=${id === only} onClick=${() => choose(id)}>${name(id)}</button>` : name(id)}</th>
      ${cells(today).map(([value, note, n], i) => html`<td key=${i} data-label=${t(COLUMNS[i])}>${value}${n > 0 && html` <small>${t(`usage.${note}`, { n })}</small>`}</td>`)}
    </tr>`)}
  <//>
  ${rows.length > SHOWN && html`<p class="faint">${t("preview.more", { n: rows.length - SHOWN })}</p>`}`;
}

/** As in `COLUMNS`, with what must be said of the figure. */
const cells = ({ requests, tokens, cost_micros, latency_ms, success_rate: rate }) => [
  [number(requests.total)],
  [rate === null ? "–" : percent(rate)],
  [number(tokens.prompt + tokens.completion), "estimated", tokens.estimated_prompt + tokens.estimated_completion],
  [money(cost_micros), "unpriced", requests.unpriced],
  [duration(latency_ms.p95)],
];

function Report() {
  const [form, setForm] = useState(() => ({ from: dateOf(Date.now() - MONTH_MS), to: dateOf(Date.now()), by: "day" }));
  const field = (name, rest) => html`<${Field} label=${t(`report.${name}`)} required value=${form[name]} onText=${(value) => setForm((old) => ({ ...old, [name]: value }))} ...${rest} />`;
  const get = useAction(async () => saveFile(await api.costReport(form), `keypool-cost-${form.from}-${form.to}-by-${form.by}.csv`));
  return html`<details class="card"><summary>${t("report.title")}</summary><div class="stack">
    <form class="fields" onSubmit=${get.submit}>
      ${field("from", { type: "date" })}${field("to", { type: "date" })}
      ${field("by", { control: "select", children: ["day", ...BYS].map((name) => html`<option value=${name}>${t(`field.${name}`)}</option>`) })}
      <button type="submit" disabled=${get.pending} aria-busy=${get.pending}><${Icon} name="down" />${t("report.get")}</button>
    </form>
    <${Failure} failure=${get.failure} />
  </div></details>`;
}

/** "2026-11-20", of this computer's day. */
const dateOf = (ms) => new Date(ms).toLocaleDateString("en-CA");
