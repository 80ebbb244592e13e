// What can be done to many keys at once. The dialog names how many; the news afterwards is the server's count.
import { html, useEffect, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { list, t } from "../../i18n.js";
import { Confirm } from "../../ui/dialog.js";
import { Field } from "../../ui/form.js";
import { Icon } from "../../ui/icon.js";
import { say } from "../../ui/toast.js";

const SLICE = 500;
const MANY = 25; // deleting more than this asks for the number to be typed
const ACTIONS = { enable: "check", disable: "off", reset: "reset", weight: "edit", group: "edit" };

export function BulkBar({ selection, shown, total, open }) {
  if (!selection.count) return null;
  const more = selection.all && !selection.everything && total > shown;
  return html`<section class="bulk" aria-label=${t("bulk.title")}>
    <p><strong class="num">${t(selection.everything ? "bulk.everything" : "bulk.selected", { n: selection.count })}</strong>
      ${more && html` <button type="button" class="link" onClick=${selection.takeEverything}>${t("bulk.take_everything", { n: total })}</button>`}
    </p>
    <div class="acts">
      ${Object.entries(ACTIONS).map(([name, icon]) => html`<button key=${name} type="button" class="small" onClick=${() => open(name)}><${Icon} name=${icon} />${t(`bulk.${name}`)}</button>`)}
      <span class="apart"></span>
      <button type="button" class="small danger-quiet" onClick=${() => open("delete")}><${Icon} name="trash" />${t("bulk.delete")}</button>
      <button type="button" class="icon" aria-label=${t("bulk.clear")} title=${t("bulk.clear")} onClick=${selection.clear}><${Icon} name="close" /></button>
    </div>
  </section>`;
}

export function BulkDialog({ action, selection, filter, groups, onPart, onDone, onClose }) {
  const [value, setValue] = useState(action === "weight" ? "10" : "");
  const [typed, setTyped] = useState("");
  const fresh = useFreshTotal(selection, filter);
  const n = selection.everything ? fresh.total : selection.ids.length;
  const careful = action === "delete" && n > MANY;
  const ready = n > 0 && (!careful || typed.replace(/\D/g, "") === String(n)) && (action !== "group" || value.trim());
  const run = async () => {
    const { done, missing } = await order(selection, filter, orderOf(action, value), onPart);
    if (done.length) say(t(`bulk.${action}.done`, { n: done.length }));
    if (missing.length || !done.length) say(t("bulk.missing", { n: missing.length }), "warn");
    onDone(done, action);
  };
  return html`<${Confirm} title=${t(`bulk.${action}.title`, { n: n ?? 0 })} action=${t(`bulk.${action}.go`, { n: n ?? 0 })} danger=${action === "delete"}
    ready=${Boolean(ready)} run=${run} onClose=${onClose}>
    <p>${t(`bulk.${action}.text`, { n: n ?? 0 })}</p>
    ${selection.everything && html`<p class="quote">${t("bulk.filter_is", { filter: describe(filter) })}</p>`}
    ${action === "weight" && html`<${Field} label=${t("key.weight")} hint=${t("key.weight_hint")} type="number" min="0" max="100" step="1" required value=${value} onText=${setValue} />`}
    ${action === "group" && html`<${Field} label=${t("key.group")} list="bulk-groups" required maxlength="40" pattern="[a-z0-9_\\-]+" value=${value} onText=${setValue} />
      <datalist id="bulk-groups">${groups.map((name) => html`<option key=${name} value=${name} />`)}</datalist>`}
    ${careful && html`<${Field} label=${t("bulk.type_count", { n })} inputmode="numeric" autocomplete="off" value=${typed} onText=${setTyped} />`}
  <//>`;
}

/** For "all that match" the number is asked for when the dialog opens: the list may be seconds old. */
function useFreshTotal(selection, filter) {
  const [total, setTotal] = useState(selection.count);
  useEffect(() => {
    if (selection.everything) api.listKeys({ ...filter, limit: 1 }).then((answer) => setTotal(answer.total), () => {});
  }, []);
  return { total };
}

const orderOf = (action, value) => {
  if (action === "weight") return { action: "set", weight: Number(value) };
  if (action === "group") return { action: "set", group: value.trim() };
  return { action };
};

async function order(selection, filter, what, onPart) {
  if (selection.everything) return api.bulk({ filter, ...what });
  const done = [];
  const missing = [];
  try {
    for (let i = 0; i < selection.ids.length; i += SLICE) {
      const answer = await api.bulk({ ids: selection.ids.slice(i, i + SLICE), ...what });
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
