// A client key, when it is made and later: who it is for, and what it may do besides calling.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { useAction } from "../../ui/ask.js";
import { Copy } from "../../ui/copy.js";
import { Dialog } from "../../ui/dialog.js";
import { Failure } from "../../ui/failure.js";
import { Check, Field, UsageMode } from "../../ui/form.js";
import { Icon } from "../../ui/icon.js";
import { Snippets } from "../../ui/snippets.js";

const RIGHTS = ["see_attempts", "force_key"];
const NEW = { label: "", rights: ["see_attempts"], groups: [] }; // what the server gives when nothing is said

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
  const save = useAction(async () => onSaved(client ? await api.changeClient(client.id, fields) : await api.addClient(fields)));
  const submit = (event) => {
    event.preventDefault();
    save.start();
  };
  return html`<form onSubmit=${submit}>
    <div class="body">
      <${Field} label=${t("client.label")} hint=${t("client.label_hint")} required maxlength="200" first value=${form.label} onText=${(label) => set({ label })} />
      <fieldset><legend>${t("client.rights")}</legend>
        ${RIGHTS.map((name) => html`<${Check} key=${name} label=${t(`right.${name}`)} checked=${form[name]} onChange=${(on) => set({ [name]: on })} />`)}
      </fieldset>
      <${Field} label=${t("client.groups")} hint=${t("client.groups_hint")} title=${t("client.groups_hint")} pattern="[a-z0-9_\\-*,，\\s]*" spellcheck="false" value=${form.groups} onText=${(groups) => set({ groups })} />
      <${UsageMode} inherits value=${form.usage_mode} onText=${(usage_mode) => set({ usage_mode })} />
      <${Failure} failure=${save.failure} title=${t(client ? "save_failed" : "client.failed")} />
    </div>
    <footer>
      <button type="button" onClick=${onCancel}>${t("cancel")}</button>
      <button type="submit" class="primary" disabled=${save.pending || !form.label.trim() || Object.keys(fields).length === 0} aria-busy=${save.pending}>${t(client ? "save" : "client.make")}</button>
    </footer>
  </form>`;
}

const formOf = ({ label, rights, groups, usage_mode }) => ({ label, usage_mode: usage_mode ?? "", groups: groups.join(", "), ...Object.fromEntries(RIGHTS.map((name) => [name, rights.includes(name)])) });

const readOf = (form) => ({
  label: form.label.trim(),
  rights: RIGHTS.filter((name) => form[name]),
  groups: form.groups.split(/[\s,，]+/).filter(Boolean),
  usage_mode: form.usage_mode || null,
});

/** Only what was changed is sent. */
function changesOf(before, form) {
  const [was, is] = [readOf(before), readOf(form)];
  return Object.fromEntries(Object.entries(is).filter(([name, value]) => String(value) !== String(was[name])));
}
