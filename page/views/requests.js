// The request log: what was asked of the pool, who answered, and how one request found its way.
import { html } from "../preact.js";
import * as api from "../api.js";
import { compact, day, duration, hour, moment, money, number, t } from "../i18n.js";
import { Copy, Dialog, Failure, Go, say, Segments, useAction, useAnswer } from "../ui/form.js";
import { Choose, Entries, useLog } from "../ui/log.js";
import { hashOf, Head, replaceHash } from "../ui/screen.js";
import { Act, className } from "../ui/show.js";
import { Timeline } from "../ui/timeline.js";

const FILTERS = ["status", "client", "provider", "model", "key", "request"];
const COLUMNS = ["when", "field.model", "field.state", "field.key", "field.client", "line.attempts", "field.tokens", "field.latency"];
const STATUSES = ["", "2xx", "4xx", "5xx"];
const NOBODY = { key: {}, client: {}, provider: {}, model: {} };

export function Requests({ route }) {
  const filter = Object.fromEntries(FILTERS.map((name) => [name, route.query[name]]).filter(([, value]) => value));
  const log = useLog(look, filter);
  const { rows, failure, again } = log;
  const around = useAnswer(surroundings, 60_000);
  const { settings, names = NOBODY } = around.answer ?? {};
  const filtered = Object.keys(filter).length > 0;
  const off = settings?.request_log === "off";
  const go = (id, part = {}) => replaceHash({ screen: "requests", id, query: { ...filter, ...part } });
  return html`
    <${Head} name="requests" failure=${failure ?? around.failure} again=${() => (again(), around.again())}>
      ${settings && !off && html`<a class="chip plain" href="#/settings">${t(`field.request_log.${settings.request_log}`)}</a>`}
      <${Act} icon="refresh" label=${t("refresh")} onClick=${() => api.flush().then(again, again)} />
    <//>
    ${off && html`<${Off} of=${settings} changed=${around.again} />`}
    ${(rows.length > 0 || filtered || settings && !off) && html`<${Filters} of=${filter} names=${{ ...names, model: { ...names.model, ...Object.fromEntries(rows.map(({ model }) => [model, model])) } }} change=${(part) => go(null, part)} clear=${filtered && (() => replaceHash({ screen: "requests" }))} />`}
    <${Entries} of=${log} title=${t("requests.title")} kind="figures num dense log" columns=${COLUMNS} none=${filtered ? "requests.nothing" : !off && "requests.none"}
      row=${(entry) => html`<${Row} key=${entry.id} of=${entry} names=${names} link=${hashOf({ screen: "requests", id: entry.id, query: filter })} />`} />
    ${route.id && html`<${Request} key=${route.id} id=${route.id} names=${names} onClose=${() => go(null)} />`}`;
}

async function look(query) {
  const { requests, next_cursor: next } = await api.listRequests({ limit: 50, ...query });
  return { rows: requests, next };
}

/** What the rows' ids are called, and whether anything is kept. */
async function surroundings() {
  const [{ effective: settings }, names] = await Promise.all([api.settings.list(), api.names()]);
  return { settings, names: { ...names, client: { env: "PROXY_API_KEY", admin: t("requests.admin"), ...names.client } } };
}

function Off({ of: { request_log_days: days, request_log_rows: n }, changed }) {
  const action = useAction(async () => {
    await api.settings.change({ request_log: "meta" });
    say(t("saved"));
    await changed();
  });
  return html`<section class="card stack"><div><h2>${t("requests.off")}</h2><p class="lead">${t("requests.off_text", { n, days })}</p></div>
    <${Failure} failure=${action.failure} />
    <p><${Go} of=${action}>${t("requests.switch_on")}<//></p>
  </section>`;
}

function Filters({ of: filter, names, change, clear }) {
  const pick = (name) => html`<${Choose} key=${name} label=${t(`field.${name}`)} blank=${t(`field.${name}`)} value=${filter[name]} options=${Object.entries(names[name])} choose=${(value) => change({ [name]: value })} />`;
  return html`<div class="filters" role="search">
    <${Segments} label=${t("field.state")} value=${filter.status ?? ""} options=${STATUSES.map((status) => [status, status || t("keys.all")])} choose=${(status) => change({ status })} />
    ${FILTERS.slice(1, 5).map(pick)}
    <input type="search" aria-label=${t("field.request")} placeholder=${t("field.request")} spellcheck=${false} value=${filter.request ?? ""} onChange=${({ target }) => change({ request: target.value.trim() })} />
    ${clear && html`<button type="button" class="link" onClick=${clear}>${t("keys.clear_filter")}</button>`}
  </div>`;
}

const tone = (status) => (status < 300 ? "active" : status < 500 ? "cooling" : "disabled");
const today = (at) => day(at) === day(Date.now());

function Row({ of: { at, model, path, status, attempts, provider, key, client, tokens, cost_nanos: cost, ms, first_byte_ms: first }, names, link }) {
  const failed = attempts.find(({ class: what }) => what !== "ok")?.class;
  const cells = [
    [html`<code>${model || "–"}</code>`, path],
    [html`<span class=${`chip ${tone(status)}`}>${status}</span>`, failed && className(failed)],
    [key ? names.key[key] ?? key : "–", provider],
    [names.client[client] ?? client],
    [number(attempts.length)],
    [tokens ? compact(tokens.prompt + tokens.completion) : "–", cost > 0 && money(cost / 1000)],
    [duration(ms), first !== null && first < ms && duration(first)],
  ];
  return html`<tr>
    <th scope="row"><a href=${link} title=${moment(at)}>${hour(at)}</a>${!today(at) && html`<small>${day(at)}</small>`}</th>
    ${cells.map(([value, note], i) => html`<td key=${i} data-label=${t(COLUMNS[i + 1])}>${value}${note && html` <small>${note}</small>`}</td>`)}
  </tr>`;
}

function Request({ id, names, onClose }) {
  const { answer: entry, failure, again } = useAnswer(() => api.request(id), 3_600_000);
  return html`<${Dialog} title=${entry ? `${entry.method} ${entry.path}` : t("field.request")} kind="wide" onClose=${onClose}>
    <div class="body facts"><${Failure} failure=${failure} again=${again} />${entry && html`<${Entry} of=${entry} names=${names} />`}</div>
  <//>`;
}

function Entry({ of: entry, names }) {
  const { at, request, client, model, provider, key, status, attempts, ms, first_byte_ms: first, tokens, cost_nanos: cost, cache, sent, got, left_out: lost } = entry;
  const only = (name, value, word = value) => value && html`<a href=${hashOf({ screen: "requests", query: { [name]: value } })}>${word}</a>`;
  const facts = {
    when: moment(at),
    "field.client": only("client", client, names.client[client] ?? client),
    "field.model": only("model", model),
    "field.provider": only("provider", provider),
    "field.key": key && html`<a href=${hashOf({ screen: "keys", id: key })}>${names.key[key] ?? key}</a>`,
    "field.tokens": tokens && t("requests.tokens", tokens) + (tokens.estimated ? ` (${t("requests.estimated")})` : ""),
    "field.cost": cost > 0 && money(cost / 1000),
    "requests.cache": cache,
    "field.request": html`<code>${request}</code> <${Copy} text=${request} label=${t("key.copy_id")} />`,
  };
  return html`
    <p class="row"><span class=${`chip ${tone(status)}`}>${status}</span><span class="num">${duration(ms)}</span></p>
    <section><h3>${t("line.attempts")}</h3><${Timeline} attempts=${attempts} total=${ms} first=${first} nameOf=${(id) => names.key[id] ?? id} /></section>
    <dl class="pairs num">${Object.entries(facts).filter(([, value]) => value).map(([name, value]) => html`<dt>${t(name)}</dt><dd>${value}</dd>`)}</dl>
    ${lost && html`<p class="note warn">${t("requests.left_out")}</p>`}
    ${sent && html`<${Content} title=${t("requests.sent")} of=${sent} />`}${got && html`<${Content} title=${t("requests.got")} of=${got} />`}`;
}

function Content({ title, of: { headers, body, bytes, cut } }) {
  return html`<details open=${body !== null}><summary>${title}${bytes !== null && html` <small>${t("requests.bytes", { n: bytes })}</small>`}</summary>
    <dl class="pairs">${Object.entries(headers).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd><code>${value}</code></dd>`)}</dl>
    ${body !== null && html`<pre class="content" tabindex="0" aria-label=${title}>${pretty(body)}</pre>${cut && html`<small>${t("requests.cut")}</small>`}`}
  </details>`;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
