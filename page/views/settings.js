// What tokens cost, and what else may be set while it runs.
import { html, useState } from "../preact.js";
import * as api from "../api.js";
import { money, t } from "../i18n.js";
import { Failure, say, useAction, useAnswer } from "../ui/form.js";
import { Head, Things, useFields } from "../ui/screen.js";

const RATES = ["input", "cached_input", "output"];

/** The reader's own prices, which win, and the shipped ones. Dollars here, micro-dollars in the API. */
const PRICES = {
  name: "prices",
  ask: api.prices.list,
  every: 60_000,
  about: (answer) => ({ date: answer?.shipped.date ?? "" }),
  rows: ({ prices, shipped }) => [...prices.map((price) => ({ ...price, own: true })), ...shipped.prices],
  id: ({ own, provider, model }) => `${own ? "own" : "shipped"} ${provider}/${model}`,
  label: ({ model }) => model,
  sought: ({ provider, model }) => `${provider}/${model}`,
  kind: "figures num",
  columns: ["field.model", ...RATES.map((name) => `field.${name}`)],
  fixed: ({ own }) => (own ? [] : ["remove"]),
  cells: (price) => html`
    <th scope="row"><span class="row">${price.model}${price.own && html`<span class="chip plain">${t("price.own")}</span>`}</span>
      <small>${price.source ? html`<a href=${price.source} target="_blank" rel="noreferrer">${price.provider}</a>` : price.provider}</small></th>
    ${RATES.map((name) => html`<td key=${name} data-label=${t(`field.${name}`)}>${money(price[name])}</td>`)}`,
  fields: (_, { own, model }) => [
    ...["provider", "model"].map((name) => ({ name, required: true, maxlength: 200, readonly: own, class: "mono", usual: name === "provider" ? "*" : "", first: name === "model" && !model })),
    RATES.map((name) => ({ name, kind: "dollars", max: 10_000, required: name !== "cached_input" })),
  ],
  below: () => html`<small>${t("price.hint")}</small>`,
  // Of a shipped price this makes one's own.
  add: (_, whole) => api.prices.put(whole),
  change: (_, __, whole) => api.prices.put(whole),
  remove: ({ provider, model }) => api.prices.remove({ provider, model }),
};

export const Prices = ({ route }) => html`<${Things} of=${PRICES} route=${route} />`;

const OPTIONS = { log_level: ["debug", "info", "warn", "error"], request_log: ["off", "meta", "bodies"] };

/** An empty field is left to the var or the default, which it shows. */
export function Settings() {
  const { answer, failure, again } = useAnswer(api.settings.list, 60_000);
  const [round, next] = useState(0);
  const saved = async () => (await again(), next(round + 1));
  return html`<${Head} name="settings" failure=${failure} again=${again} />${answer && html`<${SettingsForm} key=${round} of=${answer} saved=${saved} />`}`;
}

function SettingsForm({ of: { settings, effective }, saved }) {
  const fields = Object.keys(effective).filter((name) => typeof effective[name] !== "boolean").map((name) => {
    const time = name.endsWith("_ms"); // times are typed in seconds
    const fallback = name in settings ? t("default") : String(time ? effective[name] / 1000 : effective[name]);
    const kind = time ? "seconds" : typeof effective[name] === "number" ? "number" : "maybe";
    return { name, kind, options: OPTIONS[name], blank: fallback, placeholder: fallback, class: name in settings ? "chosen" : "", ...(kind === "number" && { step: "any" }) };
  });
  const form = useFields(() => fields, settings);
  const save = useAction(async () => {
    await api.settings.change(form.changed);
    say(t("saved"));
    await saved();
  });
  const nothing = Object.keys(form.changed).length === 0;
  return html`<form class="card stack" onSubmit=${save.submit}>
    <div class="settings">${form.shown}</div>
    <${Failure} failure=${save.failure} title=${t("save_failed")} />
    <p class="acts"><button type="submit" class="primary" disabled=${save.pending || nothing} aria-busy=${save.pending}>${t("save")}</button>
      <button type="button" disabled=${nothing} onClick=${() => (form.reset(), save.forget())}>${t("cancel")}</button></p>
  </form>`;
}
