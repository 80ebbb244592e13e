// One key: what it is doing, why, what it did, and what can be done about it.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { moment, number, percent, t } from "../../i18n.js";
import { useAction, useAnswer } from "../../ui/ask.js";
import { Ago, className, Countdown, running, StateChip, stateOf } from "../../ui/clock.js";
import { Copy } from "../../ui/copy.js";
import { Confirm, Dialog, Failure } from "../../ui/form.js";
import { Icon } from "../../ui/icon.js";
import { say } from "../../ui/toast.js";
import { CAPS, KeyForm, STANDBY } from "./edit.js";

export function KeyDetail({ id, edit, groups, setEdit, onChange, onDeleted, onClose }) {
  const { answer: key, failure, again } = useAnswer(() => api.key(id));
  const changed = (fresh) => {
    again();
    onChange(fresh);
  };
  const title = key ? key.label || key.key_masked : t("key.title");
  return html`<${Dialog} title=${title} kind="drawer" onClose=${onClose}>
    ${failure && html`<div class="body"><${Failure} failure=${failure} again=${again} /></div>`}
    ${!key && !failure && html`<div class="body" aria-busy="true"></div>`}
    ${key && (edit
      ? html`<${KeyForm} of=${key} groups=${groups} onSaved=${(fresh) => (changed(fresh), setEdit(false))} onCancel=${() => setEdit(false)} />`
      : html`<${Facts} of=${key} changed=${changed} setEdit=${setEdit} onDeleted=${onDeleted} />`)}
  <//>`;
}

function Facts({ of: key, changed, setEdit, onDeleted }) {
  const [leaving, setLeaving] = useState(false);
  const [tested, setTested] = useState(null);
  const test = useAction(async () => {
    setTested(null);
    const answer = await api.testKey(key.id);
    setTested(answer);
    changed(answer.key);
  });
  const reset = useAction(async () => {
    changed(await api.resetKey(key.id));
    say(t("key.reset_done"));
  });
  const toggle = useAction(async () => changed(await api.changeKey(key.id, { enabled: !key.enabled })));
  const button = (action, icon, label, kind = "") => html`<button type="button" class=${kind} disabled=${action.pending} aria-busy=${action.pending} onClick=${() => action.start()}><${Icon} name=${icon} />${label}</button>`;
  return html`<div class="body facts">
      <p class="row"><${StateChip} value=${stateOf(key)} /><code>${key.key_masked}</code><${Copy} text=${key.key_masked} label=${t("key.copy_masked")} /></p>
      <div class="acts">
        ${button(test, "test", t("key.test"), "primary")}
        ${button(reset, "reset", t("key.reset"))}
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
  const tile = (name, value) => html`<div class="tile"><dt>${t(`count.${name}`)}</dt><dd class="num">${value}</dd></div>`;
  return html`<section><h3>${t("key.counters")}</h3>
    <dl class="tiles">
      ${tile("attempts", number(attempts))}${tile("ok", number(ok))}${tile("failed", number(failed))}
      ${tile("rate", attempts ? percent(ok / attempts) : "–")}${tile("prompt", number(prompt_tokens))}${tile("completion", number(completion_tokens))}
    </dl>
  </section>`;
}

/** What the provider says is left on the key's account. */
function Balance({ of: { id, balance }, changed }) {
  const ask = useAction(async () => changed(await api.askBalance(id)));
  if (!balance) return null;
  const { amount, currency, at, failed } = balance;
  return html`<section><h3>${t("balance")}</h3>
    <p class="row"><strong class="num">${amount === null ? "–" : `${number(amount)} ${currency ?? ""}`}</strong> ${at && html`<${Ago} at=${at} />`}
      <button type="button" class="small" disabled=${ask.pending} aria-busy=${ask.pending} onClick=${() => ask.start()}><${Icon} name="reset" />${t("balance.ask")}</button></p>
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
      <dt>${t("key.provider")}</dt><dd>${key.provider}</dd>
      <dt>${t("key.group")}</dt><dd>${key.group}
        ${key.group === STANDBY && html` <button type="button" class="small" disabled=${promote.pending} aria-busy=${promote.pending} onClick=${() => promote.start()}><${Icon} name="up" />${t("bulk.promote")}</button>`}</dd>
      <dt>${t("key.weight")}</dt><dd class="num">${number(key.weight)}</dd>
      ${CAPS.filter((name) => key[name]).map((name) => html`<dt key=${name}>${t(`cap.${name}`)}</dt><dd class="num">${number(key[name])}</dd>`)}
      <dt>${t("key.models")}</dt><dd>${key.models.length ? key.models.map((glob) => html`<code key=${glob}>${glob}</code> `) : t("key.models_all")}</dd>
      <dt>${t("key.last_used")}</dt><dd><${Ago} at=${key.last_used} /></dd>
      <dt>${t("key.created")}</dt><dd>${moment(key.created)}</dd>
      <dt>${t("key.id")}</dt><dd><code>${key.id}</code> <${Copy} text=${key.id} label=${t("key.copy_id")} /></dd>
    </dl>
    <${Failure} failure=${promote.failure} />
  </section>`;
}
