// What tokens cost: the reader's own prices, which win, and the shipped ones. Dollars here, micro-dollars in the API.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { money, t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { Confirm, Field } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { Head, Table, Trash } from "../ui/screen.js";
import { say } from "../ui/toast.js";

const NAMES = ["provider", "model"];
const RATES = ["input", "cached_input", "output"];
const NEW = { provider: "*", model: "" };

export function Prices() {
  const { answer, failure, again } = useAnswer(api.prices, 60_000);
  const [search, setSearch] = useState("");
  const [edited, edit] = useState(null);
  const [leaving, leave] = useState(null);
  const own = answer?.prices.map((price) => ({ ...price, own: true })) ?? [];
  const rows = [...own, ...(answer?.shipped.prices ?? [])].filter(({ provider, model }) => `${provider}/${model}`.includes(search.trim().toLowerCase()));
  const done = (close, text) => {
    close(null);
    say(text);
    again();
  };
  return html`
    <${Head} name="prices" about=${{ date: answer?.shipped.date ?? "" }} failure=${failure} again=${again}>
      <button type="button" class="primary" onClick=${() => edit(NEW)}><${Icon} name="add" />${t("prices.add")}</button>
    <//>
    ${answer && html`<label class="search"><${Icon} name="search" /><input type="search" aria-label=${t("keys.by_q")} placeholder=${t("keys.by_q")} value=${search} onInput=${(event) => setSearch(event.target.value)} /></label>
    <${Table} title=${t("prices.title")} kind="figures num" columns=${["usage.by_model", ...RATES.map((name) => `price.${name}`)]}>
      ${rows.map((price) => html`<${Row} key=${`${price.own} ${price.provider} ${price.model}`} of=${price} edit=${edit} leave=${leave} />`)}
    <//>`}
    ${edited && html`<${PriceForm} of=${edited} onSaved=${() => done(edit, t("saved"))} onClose=${() => edit(null)} />`}
    ${leaving && html`<${Confirm} title=${t("provider.delete_title", { name: leaving.model })} action=${t("delete")} danger onClose=${() => leave(null)}
      run=${async () => (await api.deletePrice(leaving), done(leave, t("client.deleted", { name: leaving.model })))}><p>${t("price.delete_text")}</p><//>`}`;
}

const Row = ({ of: price, edit, leave }) => html`<tr>
  <th scope="row"><span class="row">${price.model}${price.own && html`<span class="chip plain">${t("price.own")}</span>`}</span>
    <small>${price.source ? html`<a href=${price.source} target="_blank" rel="noreferrer">${price.provider}</a>` : price.provider}</small></th>
  ${RATES.map((name) => html`<td key=${name} data-label=${t(`price.${name}`)}>${money(price[name])}</td>`)}
  <td class="acts">
    <button type="button" class="small" aria-label=${t("keys.edit_one", { name: price.model })} onClick=${() => edit(price)}><${Icon} name="edit" />${t("edit")}</button>
    ${price.own && html`<${Trash} name=${price.model} onClick=${() => leave(price)} />`}
  </td>
</tr>`;

/** Of a shipped price this makes one's own. */
function PriceForm({ of: price, onSaved, onClose }) {
  const [form, setForm] = useState(() => ({ ...price, ...Object.fromEntries(RATES.map((name) => [name, name in price ? price[name] / 1e6 : ""])) }));
  const field = (name, label, rest) => html`<${Field} key=${name} label=${t(label)} value=${form[name]} onText=${(value) => setForm((old) => ({ ...old, [name]: value }))} ...${rest} />`;
  const micros = (text) => (text === "" ? null : Math.round(text * 1e6));
  const save = async () => {
    await api.putPrice({ provider: form.provider, model: form.model, ...Object.fromEntries(RATES.map((name) => [name, micros(form[name])])) });
    onSaved();
  };
  return html`<${Confirm} title=${t("prices.add")} action=${t("save")} run=${save} onClose=${onClose}>
    ${NAMES.map((name) => field(name, `usage.by_${name}`, { required: true, maxlength: 200, readonly: price.own, spellcheck: "false", class: "mono" }))}
    <div class="fields">${RATES.map((name) => field(name, `price.${name}`, { type: "number", min: 0, max: 10_000, step: "any", required: name !== "cached_input", suffix: "$" }))}</div>
    <small>${t("price.hint")}</small>
  <//>`;
}
