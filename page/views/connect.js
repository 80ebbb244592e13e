// How a program reaches the pool: the address, and what to write where.
import { html, useState } from "../preact.js";
import * as api from "../api.js";
import { rich, t } from "../i18n.js";
import { Copy, Failure, Field, useAnswer } from "../ui/form.js";
import { PLACEHOLDER, Snippets } from "../ui/snippets.js";

export function Connect() {
  const { answer, failure, again } = useAnswer(api.providers.list);
  const { answer: known } = useAnswer(api.models.list, 300_000);
  const [provider, setProvider] = useState("");
  const base = `${location.origin}/${provider ? `${encodeURIComponent(provider)}/` : ""}v1`;
  const standard = answer?.default_provider;
  return html`
    <header class="head"><h1>${t("connect.title")}</h1></header>
    <p class="lead">${t("connect.lead")}</p>
    <${Failure} failure=${failure} again=${again} />
    <section class="card stack">
      <div><h2>${t("field.base_url")}</h2>
        <div class="command"><code>${base}</code><${Copy} text=${base} label=${t("connect.copy_base")} wordy /></div></div>
      <${Field} label=${t("field.provider")} control="select" value=${provider} onText=${setProvider}>
        <option value="">${standard ? t("connect.default_is", { name: standard }) : t("connect.default")}</option>
        ${(answer?.providers ?? []).map(({ name }) => html`<option value=${name}>${name}</option>`)}
      <//>
      <${Snippets} base=${base} models=${known?.models.map(({ id }) => id)} />
      <p class="faint">${rich("connect.key_hint", { placeholder: html`<code>${PLACEHOLDER}</code>`, link: html`<a href="#/clients">${t("clients.title")}</a>` })}</p>
    </section>
    <section class="card stack">
      <h2>${t("connect.good_to_know")}</h2>
      <ul class="notes">
        <li>${rich("connect.pin", { model: html`<code>openrouter/gpt-4o-mini</code>` })}</li>
        <li>${rich("connect.group", { model: html`<code>gpt-4o-mini@standby</code>`, header: html`<code>X-Gray-Group</code>` })}</li>
        <li>${rich("connect.force", { header: html`<code>x-keypool-key</code>` })}</li>
        <li>${rich("connect.headers", { bearer: html`<code>Authorization: Bearer</code>`, other: html`<code>x-api-key</code>` })}</li>
        <li>${rich("connect.errors", { header: html`<code>x-keypool-attempts</code>` })}</li>
      </ul>
    </section>`;
}
