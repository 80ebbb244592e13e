// Client keys: what our users' programs show to this pool. The key itself is shown once, when it is made.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { day, t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { Copy, Snippets } from "../ui/copy.js";
import { Check, Confirm, Dialog, Field, Form, UsageMode } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { hashOf, replaceHash } from "../ui/route.js";
import { Head, Table, Trash } from "../ui/screen.js";
import { complain, say } from "../ui/toast.js";

export function Clients({ route }) {
  const { answer, failure, again } = useAnswer(api.clients);
  const [leaving, setLeaving] = useState(null);
  const toggle = async (client) => {
    try {
      const { enabled } = await api.changeClient(client.id, { enabled: !client.enabled });
      say(t(enabled ? "keys.enabled_one" : "keys.disabled_one", { name: client.label }));
      again();
    } catch (problem) {
      complain(problem, client.label);
    }
  };
  const remove = async () => {
    await api.deleteClient(leaving.id);
    say(t("client.deleted", { name: leaving.label }));
    setLeaving(null);
    again();
  };
  const close = () => replaceHash({ screen: "clients" });
  const saved = () => {
    say(t("saved"));
    close();
    again();
  };
  const edited = route.id && answer?.clients.find(({ id }) => id === route.id);
  return html`
    <${Head} name="clients" failure=${failure} again=${again}>
      <a class="button primary" href=${hashOf({ screen: "clients", id: "new" })}><${Icon} name="add" />${t("clients.add")}</a>
    <//>
    ${answer?.env_client && html`<p class="note"><${Icon} name="keys" /><span>${t("clients.env")} <code>PROXY_API_KEY</code></span></p>`}
    ${answer?.clients.length === 0 && !answer.env_client && html`<div class="empty"><p>${t("clients.none")}</p></div>`}
    ${answer?.clients.length > 0 && html`<${Table} title=${t("clients.title")} columns=${["client.label", "client.key", "client.rights", "client.state", "client.created"]}>
      ${answer.clients.map((client) => html`<${Row} key=${client.id} of=${client} toggle=${toggle} leave=${() => setLeaving(client)} />`)}
    <//>`}
    ${route.id === "new" && html`<${NewClient} onMade=${again} onClose=${close} />`}
    ${edited && html`<${Dialog} key=${edited.id} title=${t("provider.edit", { name: edited.label })} onClose=${close}><${ClientForm} of=${edited} onSaved=${saved} onCancel=${close} /><//>`}
    ${leaving && html`<${Confirm} title=${t("client.delete_title")} action=${t("client.delete")} danger run=${remove} onClose=${() => setLeaving(null)}>
      <p>${t("client.delete_text", { name: leaving.label })}</p>
    <//>`}`;
}

function Row({ of: client, toggle, leave }) {
  const name = client.label;
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="whole"><code>${client.key_masked}</code></td>
    <td class="where"><${Rights} of=${client} /></td>
    <td><span class=${`chip ${client.enabled ? "active" : "off"}`}>${t(client.enabled ? "state.active" : "state.off")}</span></td>
    <td class="faint num whole">${day(client.created)}</td>
    <td class="acts">
      <button type="button" class="small" aria-label=${t(client.enabled ? "keys.disable_one" : "keys.enable_one", { name })}
        onClick=${() => toggle(client)}><${Icon} name="off" />${t(client.enabled ? "disable" : "enable")}</button>
      <a class="button small" href=${hashOf({ screen: "clients", id: client.id })} aria-label=${t("keys.edit_one", { name })}><${Icon} name="edit" />${t("edit")}</a>
      <${Trash} name=${name} onClick=${leave} />
    </td>
  </tr>`;
}

const Rights = ({ of: { rights, groups } }) => html`${rights.length > 0 || groups.length > 0 ? "" : "–"}
  ${rights.map((name) => html`<small key=${name}>${t(`right.${name}`)}</small>`)}
  ${groups.length > 0 && html`<small>${t("client.groups_are", { groups: groups.join(", ") })}</small>`}`;

const LOGS = ["off", "meta", "bodies"];
const RIGHTS = ["see_attempts", "force_key"];
const NEW = { label: "", rights: ["see_attempts"], groups: [], log: "default" }; // what the server gives when nothing is said

/** While the key is on the screen only a deliberate click closes the dialog: it cannot be shown again. */
export function NewClient({ onMade, onClose }) {
  const [made, setMade] = useState(null);
  if (made) return html`<${Dialog} key="made" kind="wide" title=${t("client.made", { name: made.label })} locked onClose=${onClose}>
    <div class="body">
      <p class="note warn"><${Icon} name="warning" /><span><strong>${t("client.once")}</strong> ${t("client.once_why")}</span></p>
      <div class="command secret"><code>${made.key}</code><${Copy} text=${made.key} label=${t("client.copy")} wordy /></div>
      <h3>${t("client.use")}</h3>
      <${Snippets} base=${`${location.origin}/v1`} clientKey=${made.key} model="gpt-4o-mini" />
    </div>
    <footer><button type="button" class="primary" onClick=${onClose}>${t("client.kept")}</button></footer>
  <//>`;
  return html`<${Dialog} key="new" title=${t("clients.add")} onClose=${onClose}>
    <${ClientForm} of=${null} onSaved=${(client) => (setMade(client), onMade())} onCancel=${onClose} />
  <//>`;
}

/** `of` is the client key to change, or null for a new one. */
export function ClientForm({ of: client, onSaved, onCancel }) {
  const [before] = useState(() => formOf(client ?? NEW));
  const [form, setForm] = useState(before);
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const fields = client ? changesOf(before, form) : readOf(form);
  const save = async () => onSaved(client ? await api.changeClient(client.id, fields) : await api.addClient(fields));
  return html`<${Form} run=${save} action=${t(client ? "save" : "client.make")} failed=${t(client ? "save_failed" : "client.failed")} ready=${form.label.trim() && Object.keys(fields).length > 0} onCancel=${onCancel}>
    <${Field} label=${t("client.label")} hint=${t("client.label_hint")} required maxlength="200" first value=${form.label} onText=${(label) => set({ label })} />
    <fieldset><legend>${t("client.rights")}</legend>
      ${RIGHTS.map((name) => html`<${Check} key=${name} label=${t(`right.${name}`)} checked=${form[name]} onChange=${(on) => set({ [name]: on })} />`)}
    </fieldset>
    <${Field} label=${t("client.groups")} hint=${t("client.groups_hint")} title=${t("client.groups_hint")} pattern="[a-z0-9_\\-*,，\\s]*" spellcheck="false" value=${form.groups} onText=${(groups) => set({ groups })} />
    <${UsageMode} inherits value=${form.usage_mode} onText=${(usage_mode) => set({ usage_mode })} />
    <${Field} label=${t("set.request_log")} control="select" value=${form.log} onText=${(log) => set({ log })}>${["default", ...LOGS].map((name) => html`<option key=${name} value=${name}>${name === "default" ? t("provider.as_global") : name}</option>`)}<//>
  <//>`;
}

const formOf = ({ label, rights, groups, log, usage_mode }) => ({ label, log, usage_mode: usage_mode ?? "", groups: groups.join(", "), ...Object.fromEntries(RIGHTS.map((name) => [name, rights.includes(name)])) });

const readOf = (form) => ({
  label: form.label.trim(),
  rights: RIGHTS.filter((name) => form[name]),
  log: form.log,
  usage_mode: form.usage_mode || null,
  groups: form.groups.split(/[\s,，]+/).filter(Boolean),
});

/** Only what was changed is sent. */
function changesOf(before, form) {
  const [was, is] = [readOf(before), readOf(form)];
  return Object.fromEntries(Object.entries(is).filter(([name, value]) => String(value) !== String(was[name])));
}
