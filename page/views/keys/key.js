// One key: what it is doing, why, what it did, and what can be done about it.
import { html, useState } from "../../preact.js";
import * as api from "../../api.js";
import { moment, number, percent, t } from "../../i18n.js";
import { Confirm, Copy, Dialog, Failure, Go, say, useAction, useAnswer } from "../../ui/form.js";
import { FieldsForm } from "../../ui/screen.js";
import { Ago, className, Countdown, Icon, running, StateChip, stateOf } from "../../ui/show.js";
import { Errors, History, Reveal, Used } from "./past.js";
import { balanceOf, STANDBY } from "./table.js";

const CAPS = ["rpm", "tpm", "concurrency"];
export const WEIGHT = { name: "weight", kind: "number", max: 100 };

export const groupField = (groups) => ({ name: "group", list: [...new Set(["active", STANDBY, ...groups])], maxlength: 40, pattern: "[a-z0-9_\\-]+" });

const fieldsOf = (groups) => [
  { name: "label", maxlength: 200, first: true },
  { ...WEIGHT, required: true },
  { ...groupField(groups), required: true },
  { name: "models", kind: "lines" },
  { name: "expires", kind: "time" },
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
  const [revealing, setRevealing] = useState(false);
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
      <p class="row"><${StateChip} value=${stateOf(key)} /><code>${key.key_masked}</code><${Copy} text=${key.key_masked} label=${t("key.copy_masked")} />
        <button type="button" class="small" onClick=${() => setRevealing(true)}><${Icon} name="eye" />${t("reveal")}</button></p>
      <div class="acts">
        ${button(test, "test", t("test"), "primary")}
        ${button(reset, "reset", t("reset"))}
        ${button(toggle, "off", t(key.enabled ? "disable" : "enable"))}
        <button type="button" onClick=${() => setEdit(true)}><${Icon} name="edit" />${t("edit")}</button>
      </div>
      <${Failure} failure=${test.failure ?? reset.failure ?? toggle.failure} />
      <${Tested} result=${tested} />
      <${Reason} of=${key} />
      <${Cooldowns} of=${key} />
      <${History} of=${key} />
      <${Used} id=${key.id} />
      <${Counters} of=${key.counters} />
      <${Errors} id=${key.id} />
      <${Balance} of=${key} changed=${changed} />
      <${Particulars} of=${key} changed=${changed} />
      <div class="apart-below"><button type="button" class="danger-quiet" onClick=${() => setLeaving(true)}><${Icon} name="trash" />${t("key.delete")}</button></div>
    </div>
    ${revealing && html`<${Reveal} of=${key} onClose=${() => setRevealing(false)} />`}
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

export const Cause = ({ of: { class: what, status, message } }) => html`
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
  const { at, failed } = balance;
  return html`<section><h3>${t("field.balance")}</h3>
    <p class="row"><strong class="num">${balanceOf(balance)}</strong> ${at && html`<${Ago} at=${at} />`}
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
      ${key.expires && html`<dt>${t("field.expires")}</dt><dd>${moment(key.expires)}</dd>`}
      <dt>${t("field.last_used")}</dt><dd><${Ago} at=${key.last_used} /></dd>
      <dt>${t("key.created")}</dt><dd>${moment(key.created)}</dd>
      <dt>${t("key.id")}</dt><dd><code>${key.id}</code> <${Copy} text=${key.id} label=${t("key.copy_id")} /></dd>
    </dl>
    <${Failure} failure=${promote.failure} />
  </section>`;
}
