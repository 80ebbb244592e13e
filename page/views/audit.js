// Who changed what, when and from where.
import { html } from "../preact.js";
import * as api from "../api.js";
import { moment, number, t, word } from "../i18n.js";
import { useAnswer } from "../ui/form.js";
import { Choose, Entries, useLog } from "../ui/log.js";
import { hashOf, Head, replaceHash } from "../ui/screen.js";
import { Act, Ago } from "../ui/show.js";

const NOUNS = ["key", "provider", "client", "model", "rule", "price", "settings", "session", "backup", "import"];
const SHOWN = 5;

export function Audit({ route }) {
  const { action = "" } = route.query;
  const log = useLog(look, { action }, 300_000); // a look may read all of the log
  const { answer: there } = useAnswer(api.names, 60_000);
  const only = (noun) => replaceHash({ screen: "audit", query: { action: noun } });
  return html`
    <${Head} name="audit" failure=${log.failure} again=${log.again}><${Act} icon="refresh" label=${t("refresh")} onClick=${log.again} /><//>
    <div class="filters" role="search"><${Choose} label=${t("audit.what")} blank=${t("audit.all")} value=${action} options=${NOUNS.map((noun) => [noun, nounOf(noun)])} choose=${only} /></div>
    <${Entries} of=${log} title=${t("audit.title")} columns=${["when", "audit.what", "audit.which", "audit.who"]} none="requests.nothing"
      row=${(entry) => html`<${Row} key=${entry.id} of=${entry} there=${there} only=${only} />`} />`;
}

async function look(query) {
  const { entries, next_cursor: next } = await api.audit({ limit: 50, ...query });
  return { rows: entries, next };
}

const nounOf = (noun) => word(`${noun}s.title`, word(`${noun}.title`, noun));

function Row({ of: { at, who, ip, action, count, ids, names, fields }, there, only }) {
  const [noun, verb] = action.split(".");
  const more = count - Math.min(ids.length, SHOWN);
  const thing = (id, i) => {
    const name = noun === "settings" ? word(`field.${id}`, id) : names[i] || id;
    return id in (there?.[noun] ?? {}) ? html`<a href=${hashOf({ screen: `${noun}s`, id })}>${name}</a>` : html`<span>${name}</span>`;
  };
  return html`<tr>
    <th scope="row" class="whole"><${Ago} at=${at} /><small>${moment(at)}</small></th>
    <td><button type="button" class="link" onClick=${() => only(noun)}>${nounOf(noun)}</button> · <strong>${word(`audit.verb.${verb}`, verb)}</strong>${fields?.length > 0 && html`<small>${fields.map((name) => word(`field.${name}`, name)).join(", ")}</small>`}</td>
    <td class="where"><span class="row">${ids.slice(0, SHOWN).map(thing)}${more > 0 && html`<span class="faint num">${ids.length ? t("preview.more", { n: more }) : number(count)}</span>`}</span></td>
    <td>${who}${ip && html`<small><code>${ip}</code></small>`}</td>
  </tr>`;
}
