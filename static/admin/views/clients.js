// Client keys: what our users' programs show to this pool. The key itself is shown once, when it is made.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { day, t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { Confirm, Dialog } from "../ui/dialog.js";
import { Failure } from "../ui/failure.js";
import { Icon } from "../ui/icon.js";
import { hashOf, replaceHash } from "../ui/route.js";
import { complain, say } from "../ui/toast.js";
import { ClientForm, NewClient } from "./clients/form.js";

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
    <header class="head">
      <h1>${t("clients.title")}</h1>
      <a class="button primary" href=${hashOf({ screen: "clients", id: "new" })}><${Icon} name="add" />${t("clients.add")}</a>
    </header>
    <p class="lead">${t("clients.lead")}</p>
    <${Failure} failure=${failure} title=${t("clients.failed")} again=${again} />
    ${answer?.env_client && html`<p class="note"><${Icon} name="keys" /><span>${t("clients.env")} <code>PROXY_API_KEY</code></span></p>`}
    ${answer?.clients.length === 0 && !answer.env_client && html`<div class="empty"><p>${t("clients.none")}</p></div>`}
    ${answer?.clients.length > 0 && html`<table class="plain cards">
      <caption class="sr">${t("clients.title")}</caption>
      <thead><tr>${["label", "key", "rights", "state", "created"].map((name) => html`<th key=${name} scope="col">${t(`client.${name}`)}</th>`)}<th scope="col"><span class="sr">${t("keys.col.actions")}</span></th></tr></thead>
      <tbody>${answer.clients.map((client) => html`<${Row} key=${client.id} of=${client} toggle=${toggle} leave=${() => setLeaving(client)} />`)}</tbody>
    </table>`}
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
      <button type="button" class="icon danger-quiet" aria-label=${t("provider.delete_one", { name })} title=${t("delete")} onClick=${leave}><${Icon} name="trash" /></button>
    </td>
  </tr>`;
}

const Rights = ({ of: { rights, groups } }) => html`${rights.length > 0 || groups.length > 0 ? "" : "–"}
  ${rights.map((name) => html`<small key=${name}>${t(`right.${name}`)}</small>`)}
  ${groups.length > 0 && html`<small>${t("client.groups_are", { groups: groups.join(", ") })}</small>`}`;
