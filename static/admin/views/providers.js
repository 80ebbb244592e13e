// The upstreams: where keys are sent, how they are presented, and how many of each are well.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { number, t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { Countdown } from "../ui/clock.js";
import { Dialog } from "../ui/dialog.js";
import { Failure } from "../ui/failure.js";
import { Icon } from "../ui/icon.js";
import { hashOf, replaceHash } from "../ui/route.js";
import { className } from "../ui/state.js";
import { complain, say } from "../ui/toast.js";
import { DeleteProvider } from "./providers/delete.js";
import { ProviderForm } from "./providers/form.js";

const STATES = ["active", "cooling", "disabled"];

export function Providers({ route }) {
  const { answer, failure, again } = useAnswer(api.providers);
  const [leaving, setLeaving] = useState(null);
  const leave = () => replaceHash({ screen: "providers" });
  const saved = () => (again(), leave());
  const change = async (provider, fields, news) => {
    try {
      await api.changeProvider(provider.name, fields);
      say(t(news, { name: provider.name }));
      again();
    } catch (problem) {
      complain(problem, provider.name);
    }
  };
  const edited = route.id && route.id !== "new" && answer?.providers.find(({ name }) => name === route.id);
  const open = route.id === "new" ? answer : edited;
  return html`
    <header class="head">
      <h1>${t("providers.title")}</h1>
      <a class="button primary" href=${hashOf({ screen: "providers", id: "new" })}><${Icon} name="add" />${t("providers.add")}</a>
    </header>
    <p class="lead">${t("providers.lead")}</p>
    <${Failure} failure=${failure} title=${t("providers.failed")} again=${again} />
    ${answer?.providers.length === 0 && html`<div class="empty"><p>${t("providers.none")}</p></div>`}
    ${answer?.providers.length > 0 && html`<table class="plain cards">
      <caption class="sr">${t("providers.title")}</caption>
      <thead><tr>${["name", "base_url", "keys"].map((name) => html`<th key=${name} scope="col">${t(`provider.${name}`)}</th>`)}<th scope="col"><span class="sr">${t("keys.col.actions")}</span></th></tr></thead>
      <tbody>${answer.providers.map((provider) => html`<${Row} key=${provider.name} of=${provider} change=${change} leave=${() => setLeaving(provider)} />`)}</tbody>
    </table>`}
    ${open && html`<${Dialog} key=${route.id} title=${edited ? t("provider.edit", { name: edited.name }) : t("providers.add")} onClose=${leave}>
      <${ProviderForm} of=${edited || null} presets=${answer.presets} taken=${answer.providers.map(({ name }) => name)} onSaved=${saved} onCancel=${leave} />
    <//>`}
    ${leaving && html`<${DeleteProvider} of=${leaving} onDone=${() => (setLeaving(null), again())} onClose=${() => setLeaving(null)} />`}`;
}

function Row({ of: provider, change, leave }) {
  const { name } = provider;
  return html`<tr>
    <th scope="row"><span class="row">${name}
      ${provider.default && html`<span class="chip plain">${t("provider.is_default")}</span>`}
      ${!provider.enabled && html`<span class="chip off">${t("state.off")}</span>`}</span></th>
    <td class="where"><code class="url">${provider.base_url}</code><small>${t(`auth.${provider.auth}`)}</small></td>
    <td><${KeyCounts} of=${provider} /></td>
    <td class="acts">
      ${!provider.default && html`<button type="button" class="small" aria-label=${t("provider.make_default", { name })}
        onClick=${() => change(provider, { default: true }, "provider.default_now")}><${Icon} name="star" />${t("provider.default")}</button>`}
      <button type="button" class="small" aria-label=${t(provider.enabled ? "keys.disable_one" : "keys.enable_one", { name })}
        onClick=${() => change(provider, { enabled: !provider.enabled }, provider.enabled ? "keys.disabled_one" : "keys.enabled_one")}><${Icon} name="off" />${t(provider.enabled ? "disable" : "enable")}</button>
      <a class="button small" href=${hashOf({ screen: "providers", id: name })} aria-label=${t("keys.edit_one", { name })}><${Icon} name="edit" />${t("edit")}</a>
      <button type="button" class="icon danger-quiet" aria-label=${t("provider.delete_one", { name })} title=${t("delete")} onClick=${leave}><${Icon} name="trash" /></button>
    </td>
  </tr>
  ${provider.cooldowns.length > 0 && html`<tr class="rests"><td colspan="4">${provider.cooldowns.map((rest) => html`<${Rest} key=${rest.model} of=${rest} />`)}</td></tr>`}`;
}

/** What no key is to blame for rests the provider as a whole. */
const Rest = ({ of: { model, until, class: what, message } }) => html`<div class="note warn"><${Icon} name="warning" />
  <p><strong>${t("provider.rests")}</strong> ${className(what)} · ${model ?? t("why.all_models")} · <${Countdown} until=${until} />${message && html`<small>${message}</small>`}</p>
</div>`;

function KeyCounts({ of: { name, keys } }) {
  const filled = STATES.filter((state) => keys[state] > 0);
  if (filled.length === 0) return html`<span class="faint">${t("provider.no_keys")}</span>`;
  const link = (state) => hashOf({ screen: "keys", query: { provider: name, state } });
  const label = (state) => t("provider.count", { count: number(keys[state]), state: t(`state.${state}`) });
  return html`<span class="row">${filled.map((state) => html`<a key=${state} class=${`chip ${state}`} href=${link(state)}>${label(state)}</a>`)}</span>`;
}
