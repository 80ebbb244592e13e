// How a program reaches this pool: the address, a client key, and a snippet that works when pasted.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { rich, t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { Copy, Snippets } from "../ui/copy.js";
import { Failure, Field } from "../ui/form.js";

const PLACEHOLDER = "kp-your-client-key";

export function Connect() {
  const { answer, failure, again } = useAnswer(api.providers);
  const [provider, setProvider] = useState("");
  const [model, setModel] = useState("gpt-4o-mini");
  const base = `${location.origin}/${provider ? `${encodeURIComponent(provider)}/` : ""}v1`;
  const standard = answer?.default_provider;
  return html`
    <header class="head"><h1>${t("connect.title")}</h1></header>
    <p class="lead">${t("connect.lead")}</p>
    <${Failure} failure=${failure} again=${again} />
    <section class="card stack">
      <div><h2>${t("connect.base")}</h2>
        <div class="command"><code>${base}</code><${Copy} text=${base} label=${t("connect.copy_base")} wordy /></div></div>
      <div class="fields">
        <${Field} label=${t("connect.provider")} control="select" value=${provider} onText=${setProvider}>
          <option value="">${standard ? t("connect.default_is", { name: standard }) : t("connect.default")}</option>
          ${(answer?.providers ?? []).map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}
        <//>
        <${Field} label=${t("connect.model")} value=${model} onText=${setModel} spellcheck="false" />
      </div>
      <${Snippets} base=${base} clientKey=${PLACEHOLDER} model=${model} />
      <p class="faint">${rich("connect.key_hint", { placeholder: html`<code>${PLACEHOLDER}</code>`, link: html`<a href="#/clients">${t("clients.title")}</a>` })}</p>
    </section>
    <section class="card stack">
      <h2>${t("connect.good_to_know")}</h2>
      <ul class="notes">
        <li>${rich("connect.pin", { model: html`<code>${t("connect.pin_example")}</code>` })}</li>
        <li>${rich("connect.group", { model: html`<code>gpt-4o-mini@standby</code>`, header: html`<code>X-Gray-Group</code>` })}</li>
        <li>${rich("connect.force", { header: html`<code>x-keypool-key</code>` })}</li>
        <li>${rich("connect.headers", { bearer: html`<code>Authorization: Bearer</code>`, other: html`<code>x-api-key</code>` })}</li>
        <li>${rich("connect.errors", { header: html`<code>x-keypool-attempts</code>` })}</li>
      </ul>
    </section>`;
}
