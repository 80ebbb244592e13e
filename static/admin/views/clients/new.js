// Making a client key. While the key is on the screen only a deliberate click closes the dialog: it cannot be shown again.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { useAction } from "../../ui/ask.js";
import { Copy } from "../../ui/copy.js";
import { Dialog } from "../../ui/dialog.js";
import { Failure } from "../../ui/failure.js";
import { Field } from "../../ui/form.js";
import { Icon } from "../../ui/icon.js";
import { Snippets } from "../../ui/snippets.js";

export function NewClient({ onMade, onClose }) {
  const [label, setLabel] = useState("");
  const [made, setMade] = useState(null);
  const make = useAction(async () => {
    setMade(await api.addClient({ label: label.trim() }));
    onMade();
  });
  const submit = (event) => {
    event.preventDefault();
    make.start();
  };
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
    <form onSubmit=${submit}>
      <div class="body">
        <${Field} label=${t("client.label")} hint=${t("client.label_hint")} required maxlength="200" first value=${label} onText=${setLabel} />
        <${Failure} failure=${make.failure} title=${t("client.failed")} />
      </div>
      <footer>
        <button type="button" onClick=${onClose}>${t("cancel")}</button>
        <button type="submit" class="primary" disabled=${make.pending || !label.trim()} aria-busy=${make.pending}>${t("client.make")}</button>
      </footer>
    </form>
  <//>`;
}
