// The paste box, and one key: what it is doing, why, what it did, and what can be done about it. What was typed leaves the paste
// box only once the server has said that it is stored.
import { html, useState } from "../../preact.js";
import * as api from "../../api.js";
import { has, moment, number, percent, t } from "../../i18n.js";
import { Confirm, Copy, Dialog, Failure, Field, Go, say, useAction, useAnswer, useLater } from "../../ui/form.js";
import { Control, FieldsForm } from "../../ui/screen.js";
import { Ago, className, Countdown, Icon, running, StateChip, stateOf } from "../../ui/show.js";
import { STANDBY } from "./table.js";

const BLANK = { text: "", provider: "", group: "", weight: "" };
let draft = BLANK; // in memory only: it survives a look at another screen, never a reload

/** `provider`: whose they are unless the reader says otherwise. */
export function AddKeys({ providers, presets, groups, provider = "", onAdded }) {
  const [paste, setPaste] = useState({ ...draft, provider: draft.provider || provider });
  const keep = (change) => setPaste((old) => (draft = { ...old, ...change }));
  const seen = useLater(paste.text.trim() ? orderOf(paste) : null, preview);
  const action = useAction(async () => {
    const answer = await api.addKeys(orderOf(paste));
    const rest = refusedLines(paste.text, answer.refused);
    keep({ text: rest });
    report(answer);
    onAdded({ finished: rest === "", answer });
  });
  const n = seen.answer?.added.length;
  const nothing = !paste.text.trim() || (seen.answer && n === 0 && !seen.stale);
  return html`<form class="add" onSubmit=${action.submit}>
    <div class="body">
      <${Field} label=${t("add.keys")} hint=${t("add.hint")} control="textarea" class="mono" rows="8" value=${paste.text} onText=${(text) => keep({ text })}
        onKeyDown=${hurry} readOnly=${action.pending} spellcheck=${false} autocomplete="off" autocapitalize="off" first placeholder=${EXAMPLE} />
      <div class="fields">
        <${ProviderField} value=${paste.provider} onText=${(provider) => keep({ provider })} providers=${providers} presets=${presets} />
        <${Control} of=${{ ...WEIGHT, hint: "", placeholder: USUAL.weight }} value=${paste.weight} onText=${(weight) => keep({ weight })} />
      </div>
      <${Control} of=${{ ...groupField(groups), placeholder: USUAL.group }} value=${paste.group} onText=${(group) => keep({ group })} />
      <${Preview} ...${seen} />
      <${Failure} failure=${action.failure} title=${t("add.failed")} />
    </div>
    <footer><${Go} submit of=${action} ready=${!nothing}>${n > 0 ? t("add.go_n", { n }) : t("keys.add")}<//></footer>
  </form>`;
}

const hurry = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
};

const preview = (order, signal) => api.addKeys({ ...order, dry_run: true }, signal);
const USUAL = { weight: "10", group: "active" }; // what the server takes when nothing is said
const EXAMPLE = "sk-...\nGEMINI_API_KEY_1=AIza...\ngsk_...|20|team-a";

function ProviderField({ value, onText, providers, presets }) {
  const unused = presets.filter(({ name, base_url: url }) => !url.includes("{") && !providers.some((provider) => provider.name === name));
  return html`<${Field} label=${t("field.provider")} control="select" value=${value} onText=${onText}>
    <option value="">${t("add.guess")}</option>
    ${providers.length > 0 && html`<optgroup label=${t("add.configured")}>${providers.map(({ name }) => html`<option value=${name}>${name}</option>`)}</optgroup>`}
    ${unused.length > 0 && html`<optgroup label=${t("add.presets")}>${unused.map(({ name, label }) => html`<option value=${name}>${label}</option>`)}</optgroup>`}
  <//>`;
}

function orderOf({ text, provider, group, weight }) {
  const order = { text };
  if (provider) order.provider = provider;
  if (group.trim()) order.group = group.trim();
  if (weight !== "") order.weight = Number(weight);
  return order;
}

/** The lines that were not stored. Of a JSON array a part makes no sense: it stays whole. */
function refusedLines(text, refused) {
  if (refused.length === 0) return "";
  if (/^\s*[[{]/.test(text)) return text;
  const lines = text.split(/\r\n|\r|\n/);
  const kept = new Set(refused.map(({ line }) => line));
  return lines.filter((_, i) => kept.has(i + 1)).join("\n");
}

function report({ added, known, refused }) {
  if (added.length) say(t("add.added", { n: added.length }));
  if (known.length && !added.length && !refused.length) say(t("add.only_known", { n: known.length }), "warn");
  if (refused.length) say(t("add.some_refused", { n: refused.length }), "warn");
}

const SHOWN = 100;

function Preview({ answer, failure, stale, again }) {
  if (failure) return html`<${Failure} failure=${failure} title=${t("preview.failed")} again=${again} />`;
  if (!answer) return null;
  const { added, known, refused } = answer;
  return html`<section class="preview" aria-busy=${stale} aria-label=${t("preview.title")}>
    <p class="sums" aria-live="polite">
      <span class="chip active">${t("preview.new", { n: added.length })}</span>
      ${known.length > 0 && html`<span class="chip off">${t("preview.known", { n: known.length })}</span>`}
      ${refused.length > 0 && html`<span class="chip disabled">${t("preview.refused", { n: refused.length })}</span>`}
    </p>
    <div class="lines" tabindex="0" role="group" aria-label=${t("preview.title")}>
      <${Lines} items=${refused} kind="disabled" row=${(item) => html`<code>${item.shown}</code><span>${refusal(item)}</span>`} />
      <${Lines} items=${added} kind="active" row=${(key) => html`<code>${key.key_masked}</code><span>${key.provider}${key.label && ` · ${key.label}`} · ${t("preview.weight", { n: key.weight })}</span>`} />
      <${Lines} items=${known} kind="off" row=${(item) => html`<code>${item.key_masked}</code><span>${t("preview.is_known")}</span>`} />
    </div>
  </section>`;
}

const refusal = ({ reason, message }) => (has(`refused.${reason}`) ? t(`refused.${reason}`) : message || reason);

function Lines({ items, kind, row }) {
  if (items.length === 0) return null;
  return html`<ul class=${kind}>
    ${items.slice(0, SHOWN).map((item, i) => html`<li key=${i}>${item.line > 0 && html`<span class="line num">${t("preview.line", { n: item.line })}</span>`}${row(item)}</li>`)}
    ${items.length > SHOWN && html`<li class="faint">${t("preview.more", { n: items.length - SHOWN })}</li>`}
  </ul>`;
}

const CAPS = ["rpm", "tpm", "concurrency"];
export const WEIGHT = { name: "weight", kind: "number", max: 100 };

export const groupField = (groups) => ({ name: "group", list: [...new Set(["active", STANDBY, ...groups])], maxlength: 40, pattern: "[a-z0-9_\\-]+" });

const fieldsOf = (groups) => [
  { name: "label", maxlength: 200, first: true },
  { ...WEIGHT, required: true },
  { ...groupField(groups), required: true },
  { name: "models", kind: "lines" },
  { name: "caps", fields: [CAPS.map((name) => ({ name, kind: "number", min: 1 }))] },
  { name: "enabled", kind: "check" },
];

export function KeyDetail({ id, edit, groups, setEdit, onChange, onDeleted, onClose }) {
  const { answer: key, failure, again } = useAnswer(() => api.key(id));
  const changed = (fresh) => {
    again();
    onChange(fresh);
  };
  const save = async (changes) => {
    changed(await api.changeKey(id, changes));
    say(t("saved"));
    setEdit(false);
  };
  const title = key ? key.label || key.key_masked : t("field.key");
  return html`<${Dialog} title=${title} kind="drawer" onClose=${onClose}>
    ${failure && html`<div class="body"><${Failure} failure=${failure} again=${again} /></div>`}
    ${!key && !failure && html`<div class="body" aria-busy="true"></div>`}
    ${key && (edit
      ? html`<${FieldsForm} of=${key} fields=${() => fieldsOf(groups)} save=${save} onCancel=${() => setEdit(false)} />`
      : html`<${Facts} of=${key} changed=${changed} setEdit=${setEdit} onDeleted=${onDeleted} />`)}
  <//>`;
}

function Facts({ of: key, changed, setEdit, onDeleted }) {
  const [leaving, setLeaving] = useState(false);
  const [tested, setTested] = useState(null);
  const test = useAction(async () => {
    setTested(null);
    const answer = await api.actOnKey(key.id, "test");
    setTested(answer);
    changed(answer.key);
  });
  const reset = useAction(async () => {
    changed(await api.actOnKey(key.id, "reset"));
    say(t("key.reset_done"));
  });
  const toggle = useAction(async () => changed(await api.changeKey(key.id, { enabled: !key.enabled })));
  const button = (action, icon, label, kind = "") => html`<${Go} of=${action} kind=${kind}><${Icon} name=${icon} />${label}<//>`;
  return html`<div class="body facts">
      <p class="row"><${StateChip} value=${stateOf(key)} /><code>${key.key_masked}</code><${Copy} text=${key.key_masked} label=${t("key.copy_masked")} /></p>
      <div class="acts">
        ${button(test, "test", t("key.test"), "primary")}
        ${button(reset, "reset", t("reset"))}
        ${button(toggle, "off", t(key.enabled ? "disable" : "enable"))}
        <button type="button" onClick=${() => setEdit(true)}><${Icon} name="edit" />${t("edit")}</button>
      </div>
      <${Failure} failure=${test.failure ?? reset.failure ?? toggle.failure} />
      <${Tested} result=${tested} />
      <${Reason} of=${key} />
      <${Cooldowns} of=${key} />
      <${Past} of=${key.past} />
      <${Counters} of=${key.counters} />
      <${Balance} of=${key} changed=${changed} />
      <${Particulars} of=${key} changed=${changed} />
      <div class="apart-below"><button type="button" class="danger-quiet" onClick=${() => setLeaving(true)}><${Icon} name="trash" />${t("key.delete")}</button></div>
    </div>
    ${leaving && html`<${Confirm} title=${t("key.delete_title")} action=${t("key.delete")} danger onClose=${() => setLeaving(false)}
      run=${async () => (await api.deleteKey(key.id), say(t("bulk.delete.done", { n: 1 })), onDeleted())}><p>${t("key.delete_text", { name: key.label || key.key_masked })}</p><//>`}`;
}

function Tested({ result }) {
  if (!result) return null;
  const status = result.status ? String(result.status) : t("key.no_status");
  if (result.ok) return html`<p class="note good" role="status"><${Icon} name="check" />${t("key.test_ok", { status })}</p>`;
  const what = result.class ? className(result.class) : "";
  return html`<section class="note bad" role="status"><p><strong>${t("key.test_failed", { status, what })}</strong></p>${result.message && html`<p class="quote">${result.message}</p>`}</section>`;
}

function Reason({ of: { reason, state } }) {
  if (!reason) return null;
  return html`<section class=${`note ${state === "cooling" ? "warn" : "bad"}`}>
    <h3>${t(state === "cooling" ? "key.why_cooling" : "key.why")}</h3>
    <${Cause} of=${reason} />
    <dl class="pairs">
      ${reason.since && html`<dt>${t("key.since")}</dt><dd>${moment(reason.since)} (<${Ago} at=${reason.since} />)</dd>`}
      ${state === "disabled" && html`<dt>${t("key.next_probe")}</dt><dd>${reason.next_probe ? html`<${Countdown} until=${reason.next_probe} />` : t("key.no_probe")}</dd>`}
    </dl>
  </section>`;
}

/** What a machine had disabled the key for before it came back. */
function Past({ of: past }) {
  if (!past) return null;
  return html`<section class="note"><h3>${t("key.past")}</h3>
    <${Cause} of=${past} />
    <dl class="pairs"><dt>${t("state.disabled")}</dt><dd>${moment(past.since)}</dd><dt>${t("key.restored")}</dt><dd>${moment(past.restored)}</dd></dl>
  </section>`;
}

const Cause = ({ of: { class: what, status, message } }) => html`
  <p><strong>${className(what)}</strong>${status && ` · ${t("key.upstream_status", { status: String(status) })}`}</p>
  ${message && html`<p class="quote">${message}</p>`}`;

function Cooldowns({ of: key }) {
  const rests = running(key);
  if (rests.length === 0) return null;
  return html`<section><h3>${t("key.cooldowns")}</h3>
    <dl class="pairs">${rests.map(({ model, until }) => html`<dt key=${model}>${model ?? t("why.all_models")}</dt><dd><${Countdown} until=${until} /> <span class="faint">${moment(until)}</span></dd>`)}</dl>
  </section>`;
}

function Counters({ of: { attempts, ok, failed, prompt_tokens, completion_tokens } }) {
  const tile = (name, value) => html`<div class="tile"><dt>${t(`line.${name}`)}</dt><dd class="num">${value}</dd></div>`;
  return html`<section><h3>${t("key.counters")}</h3>
    <dl class="tiles">
      ${tile("attempts", number(attempts))}${tile("ok", number(ok))}${tile("failed", number(failed))}
      ${tile("rate", attempts ? percent(ok / attempts) : "–")}${tile("prompt_tokens", number(prompt_tokens))}${tile("completion_tokens", number(completion_tokens))}
    </dl>
  </section>`;
}

/** What the provider says is left on the key's account. */
function Balance({ of: { id, balance }, changed }) {
  const ask = useAction(async () => changed(await api.actOnKey(id, "balance")));
  if (!balance) return null;
  const { amount, currency, at, failed } = balance;
  return html`<section><h3>${t("field.balance")}</h3>
    <p class="row"><strong class="num">${amount === null ? "–" : `${number(amount)} ${currency ?? ""}`}</strong> ${at && html`<${Ago} at=${at} />`}
      <${Go} of=${ask} kind="small"><${Icon} name="reset" />${t("balance.ask")}<//></p>
    ${failed && html`<p class="note warn">${t(`balance.${failed.code}`)}${failed.status && failed.code === "refused" && ` · ${t("key.upstream_status", { status: String(failed.status) })}`} (<${Ago} at=${failed.at} />)</p>`}
    <${Failure} failure=${ask.failure} />
  </section>`;
}

function Particulars({ of: key, changed }) {
  const promote = useAction(async () => {
    changed(await api.changeKey(key.id, { group: "active" }));
    say(t("bulk.promote.done", { n: 1 }));
  });
  return html`<section><h3>${t("key.particulars")}</h3>
    <dl class="pairs">
      <dt>${t("field.provider")}</dt><dd>${key.provider}</dd>
      <dt>${t("field.group")}</dt><dd>${key.group}
        ${key.group === STANDBY && html` <${Go} of=${promote} kind="small"><${Icon} name="up" />${t("promote")}<//>`}</dd>
      <dt>${t("field.weight")}</dt><dd class="num">${number(key.weight)}</dd>
      ${CAPS.filter((name) => key[name]).map((name) => html`<dt key=${name}>${t(`field.${name}`)}</dt><dd class="num">${number(key[name])}</dd>`)}
      <dt>${t("field.models")}</dt><dd>${key.models.length ? key.models.map((glob) => html`<code key=${glob}>${glob}</code> `) : t("why.all_models")}</dd>
      <dt>${t("field.last_used")}</dt><dd><${Ago} at=${key.last_used} /></dd>
      <dt>${t("key.created")}</dt><dd>${moment(key.created)}</dd>
      <dt>${t("key.id")}</dt><dd><code>${key.id}</code> <${Copy} text=${key.id} label=${t("key.copy_id")} /></dd>
    </dl>
    <${Failure} failure=${promote.failure} />
  </section>`;
}
