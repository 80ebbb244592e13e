// What one key did before: when machines disabled it and it came back, its requests over time, its last errors. And its secret.
import { html, useState } from "../../preact.js";
import * as api from "../../api.js";
import { clock, date, moment, number, t } from "../../i18n.js";
import { Confirm, Copy, Dialog, Failure, Segments, useAnswer } from "../../ui/form.js";
import { hashOf } from "../../ui/screen.js";
import { Chart, className, REQUEST_LINES, RANGES, withOther } from "../../ui/show.js";

/** Newest first. */
export function History({ of: { history } }) {
  if (history.length === 0) return null;
  return html`<section><h3>${t("history.title")}</h3>
    <ol class="pool">${history.map(({ at, event, class: what, status, message }) => html`<li key=${at}>
      <span><span class=${`chip ${event === "restored" ? "active" : "disabled"}`}>${t(`history.${event}`)}</span> ${[what && className(what), status].filter(Boolean).join(" · ")}</span><small class="num">${moment(at)}</small>
      ${message && html`<p class="quote">${message}</p>`}
    </li>`)}</ol>
  </section>`;
}

const POLL_MS = 30_000;

export function Used({ id }) {
  const [range, setRange] = useState("24h");
  const { answer, failure, again } = useAnswer(() => api.series({ range, key: id }), POLL_MS, range);
  const all = answer && withOther(answer.lines[0]);
  return html`<section><div class="head"><h3>${t("field.requests")}</h3>
      <${Segments} label=${t("usage.range")} value=${range} options=${RANGES.map((name) => [name, t(`usage.${name}`)])} choose=${setRange} /></div>
    <${Failure} failure=${failure} again=${again} />
    ${all && (all.requests.some(Boolean) ? html`<${Chart} title=${t("field.requests")} whole=${t(`usage.${answer.range}`)} stacked show=${number}
      when=${(i) => (answer.range === "30d" ? date(answer.times[i]) : clock(answer.times[i]))} lines=${REQUEST_LINES.map(([name, kind]) => ({ kind, label: t(`line.${name}`), values: all[name] }))} />` : html`<p class="faint">${t("usage.nothing")}</p>`)}
  </section>`;
}

const LOOKED_AT = 200;
const SHOWN = 10;

/** Those attempts with the key that went wrong, of the last requests that the log has kept. */
export function Errors({ id }) {
  const { answer, failure, again } = useAnswer(() => lastErrors(id), 2 * POLL_MS);
  return html`<section><div class="head"><h3>${t("errors.title")}</h3><a href=${hashOf({ screen: "requests", query: { key: id } })}>${t("requests.title")}</a></div>
    <${Failure} failure=${failure} again=${again} />
    ${answer && (answer.errors.length ? html`<ul class="pool">${answer.errors.map(({ request, at, model, class: what, status }, i) => html`<li key=${i}>
      <span><a href=${hashOf({ screen: "requests", id: request })}>${[className(what), status].filter(Boolean).join(" · ")}</a> <small>${model}</small></span><small class="num">${moment(at)}</small></li>`)}</ul>`
      : html`<p class="faint">${t(answer.off ? "errors.off" : "errors.none")} ${answer.off && html`<a href="#/settings">${t("settings.title")}</a>`}</p>`)}
  </section>`;
}

async function lastErrors(id) {
  const [own, all, { effective }] = await Promise.all([api.listRequests({ key: id, limit: LOOKED_AT }), api.listRequests({ limit: LOOKED_AT }), api.settings.list()]);
  const requests = new Map([...own.requests, ...all.requests].map((request) => [request.id, request]));
  const errors = [...requests.values()].flatMap(({ id: request, at, attempts }) => attempts.filter(({ key, class: what }) => key === id && what !== "ok").map((attempt) => ({ ...attempt, request, at })));
  return { errors: errors.sort((a, b) => b.at - a.at).slice(0, SHOWN), off: effective.request_log === "off" };
}

/** A click that asks, one that shows: the secret is in this dialog and nowhere else, and goes with it. */
export function Reveal({ of: key, onClose }) {
  const [secret, show] = useState(null);
  if (secret === null) return html`<${Confirm} title=${t("reveal.title", { name: key.label || key.key_masked })} action=${t("reveal")} onClose=${onClose}
    run=${async () => show((await api.actOnKey(key.id, "reveal")).key)}><p>${t("reveal.text")}</p><//>`;
  return html`<${Dialog} key="shown" title=${t("reveal.title", { name: key.label || key.key_masked })} onClose=${onClose}>
    <div class="body"><div class="command secret"><code>${secret}</code><${Copy} text=${secret} label=${t("client.copy")} wordy /></div><p>${t("reveal.shown")}</p></div>
    <footer><button type="button" class="primary" onClick=${onClose}>${t("close")}</button></footer>
  <//>`;
}
