// What can be done to many keys at once. The dialog names how many; the news afterwards is the server's count.
import { html, useEffect, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { list, t } from "../../i18n.js";
import { Confirm, Field } from "../../ui/form.js";
import { Icon } from "../../ui/icon.js";
import { complain, say } from "../../ui/toast.js";
import { GroupField, STANDBY } from "./edit.js";

const SLICE = 500;
const MANY = 25; // deleting more than this asks for the number to be typed
const ACTIONS = { enable: "check", disable: "off", reset: "reset", weight: "edit", group: "edit" };

/** `promotes`: some of the selected keys are on standby. */
export function BulkBar({ selection, shown, total, promotes, open }) {
  if (!selection.count) return null;
  const more = selection.all && !selection.everything && total > shown;
  const actions = promotes ? { promote: "up", ...ACTIONS } : ACTIONS;
  return html`<section class="bulk" aria-label=${t("bulk.title")}>
    <p><strong class="num">${t(selection.everything ? "bulk.everything" : "bulk.selected", { n: selection.count })}</strong>
      ${more && html` <button type="button" class="link" onClick=${selection.takeEverything}>${t("bulk.take_everything", { n: total })}</button>`}
    </p>
    <div class="acts">
      ${Object.entries(actions).map(([name, icon]) => html`<button key=${name} type="button" class="small" onClick=${() => open(name)}><${Icon} name=${icon} />${t(`bulk.${name}`)}</button>`)}
      <span class="apart"></span>
      <button type="button" class="small danger-quiet" onClick=${() => open("delete")}><${Icon} name="trash" />${t("bulk.delete")}</button>
      <button type="button" class="icon" aria-label=${t("bulk.clear")} title=${t("bulk.clear")} onClick=${selection.clear}><${Icon} name="close" /></button>
    </div>
  </section>`;
}

export function BulkDialog({ action, selection, filter, groups, onPart, onDone, onClose }) {
  const [value, setValue] = useState(action === "weight" ? "10" : "");
  const [typed, setTyped] = useState("");
  const scope = scopeOf(action, selection, filter);
  const total = useFreshTotal(scope, action === "promote" ? 0 : selection.count);
  const n = scope.everything ? total : scope.ids.length;
  const careful = action === "delete" && n > MANY;
  const ready = n > 0 && (!careful || typed.replace(/\D/g, "") === String(n)) && (action !== "group" || value.trim());
  const run = async () => {
    const { done, missing } = await order(scope, orderOf(action, value), onPart);
    if (done.length) say(t(`bulk.${action}.done`, { n: done.length }));
    if (missing.length || !done.length) say(t("bulk.missing", { n: missing.length }), "warn");
    onDone(done, action);
  };
  return html`<${Confirm} title=${t(`bulk.${action}.title`, { n: n ?? 0 })} action=${t(`bulk.${action}.go`, { n: n ?? 0 })} danger=${action === "delete"}
    ready=${Boolean(ready)} run=${run} onClose=${onClose}>
    <p>${t(`bulk.${action}.text`, { n: n ?? 0 })}</p>
    ${scope.everything && html`<p class="quote">${t("bulk.filter_is", { filter: describe(scope.filter) })}</p>`}
    ${action === "weight" && html`<${Field} label=${t("key.weight")} hint=${t("key.weight_hint")} type="number" min="0" max="100" step="1" required value=${value} onText=${setValue} />`}
    ${action === "group" && html`<${GroupField} groups=${groups} required value=${value} onText=${setValue} />`}
    ${careful && html`<${Field} label=${t("bulk.type_count", { n })} inputmode="numeric" autocomplete="off" value=${typed} onText=${setTyped} />`}
  <//>`;
}

/** For "all that match" the number is asked for when the dialog opens: the list may be seconds old. */
function useFreshTotal({ everything, filter }, known) {
  const [total, setTotal] = useState(known);
  useEffect(() => {
    if (everything) api.listKeys({ ...filter, limit: 1 }).then((answer) => setTotal(answer.total), complain);
  }, []);
  return total;
}

/** What is touched: of what was selected, a promotion takes only the keys on standby. */
const scopeOf = (action, { everything, ids, standby }, filter) =>
  action === "promote" ? { everything, ids: standby, filter: { ...filter, group: STANDBY } } : { everything, ids, filter };

const orderOf = (action, value) => {
  if (action === "weight") return { action: "set", weight: Number(value) };
  if (action === "promote") return { action: "set", group: "active" };
  if (action === "group") return { action: "set", group: value.trim() };
  return { action };
};

async function order({ everything, ids, filter }, what, onPart) {
  if (everything) return api.bulk({ filter, ...what });
  const done = [];
  const missing = [];
  try {
    for (let i = 0; i < ids.length; i += SLICE) {
      const answer = await api.bulk({ ids: ids.slice(i, i + SLICE), ...what });
      done.push(...answer.done);
      missing.push(...answer.missing);
    }
  } catch (failure) {
    if (done.length) onPart(done);
    throw failure;
  }
  return { done, missing };
}

function describe(filter) {
  const parts = Object.entries(filter).filter(([, value]) => value);
  return parts.length ? list(parts.map(([name, value]) => t("bulk.filter_part", { name: t(`keys.by_${name}`), value: name === "state" ? t(`state.${value}`) : value }))) : t("bulk.no_filter");
}
