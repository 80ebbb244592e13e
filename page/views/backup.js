// A backup of everything in one encrypted file, and the way back.
import { html, useRef, useState } from "../preact.js";
import * as api from "../api.js";
import { number, t } from "../i18n.js";
import { Confirm, Failure, Field, Go, saveFile, say, Segments, useAction } from "../ui/form.js";
import { Head } from "../ui/screen.js";
import { Icon } from "../ui/show.js";

export const Backup = () => html`<${Head} name="backup" /><${Make} /><${Restore} />`;

const Passphrase = ({ name, ...rest }) => html`<${Field} label=${t(`backup.${name}`)} type="password" autocomplete="off" ...${rest} />`;

function Make() {
  const [typed, type] = useState({ first: "", again: "" });
  const same = typed.first === typed.again;
  const action = useAction(async () => {
    saveFile(await api.backup(typed.first), `keypool-${new Date().toISOString().slice(0, 10)}.json`);
    type({ first: "", again: "" });
    say(t("backup.made"));
  });
  const bits = strength(typed.first);
  return html`<form class="card stack" onSubmit=${action.submit}>
    <h2>${t("backup.make")}</h2>
    <p class="note warn"><${Icon} name="warning" /><span>${t("backup.no_way_back")}</span></p>
    <div class="fields">
      <${Passphrase} name="passphrase" autocomplete="new-password" minlength="12" value=${typed.first} onText=${(first) => type({ ...typed, first })}
        hint=${t(!typed.first ? "backup.hint" : bits < 50 ? "backup.weak" : bits < 80 ? "backup.fair" : "backup.strong")} />
      <${Passphrase} name="again" autocomplete="new-password" value=${typed.again} onText=${(again) => type({ ...typed, again })} hint=${!same && typed.again && t("backup.differs")} />
    </div>
    <${Failure} failure=${action.failure} />
    <p><${Go} submit of=${action} ready=${typed.first && same}><${Icon} name="down" />${t("backup.get")}<//></p>
  </form>`;
}

/** About so many bits: a letter that comes again and again counts little. */
const strength = (text) => 4 * Math.min(text.length, 2 * new Set(text).size);

const MODES = ["merge", "replace"];

function Restore() {
  const [order, setOrder] = useState({ file: null, passphrase: "", mode: "merge" });
  const [seen, setSeen] = useState(null); // what a dry run of exactly this order said
  const [sure, setSure] = useState(false);
  const set = (change) => (setOrder({ ...order, ...change }), setSeen(null), look.forget());
  const send = async (dry_run) => api.restore({ ...order, file: await read(order.file), dry_run });
  const latest = useRef(order);
  latest.current = order;
  const look = useAction(async () => {
    const answer = await send(true);
    if (latest.current === order) setSeen(answer);
  });
  const restore = async () => {
    const { written } = await send(false);
    say(t("backup.restored", { n: written }));
    setSure(false);
    setSeen(null);
  };
  const { mode } = order;
  const go = seen && t(`backup.${mode}_go`, { n: seen.written });
  return html`<form class="card stack" onSubmit=${look.submit}>
    <div><h2>${t("backup.restore")}</h2><p class="lead">${t("backup.restore_text")}</p></div>
    <div class="fields">
      <${Field} label=${t("backup.file")} type="file" accept=".json" hint=${t("backup.drop")} onChange=${({ target }) => set({ file: target.files[0] })} />
      <${Passphrase} name="passphrase" value=${order.passphrase} onText=${(passphrase) => set({ passphrase })} />
    </div>
    <${Segments} label=${t("backup.mode")} value=${mode} options=${MODES.map((name) => [name, t(`backup.${name}`)])} choose=${(mode) => set({ mode })} />
    <p>${t(`backup.${mode}_text`)}</p>
    <${Failure} failure=${look.failure} />
    <p><${Go} submit of=${look} kind="" ready=${order.file}><${Icon} name="search" />${t("backup.look")}<//></p>
    ${seen && html`<${Counts} of=${seen} /><p><button type="button" class=${mode === "replace" ? "danger" : "primary"} disabled=${seen.written + seen.deleted === 0} onClick=${() => setSure(true)}>${go}</button></p>`}
    ${sure && html`<${Confirm} title=${t(`backup.${mode}_title`)} action=${go} danger=${mode === "replace"} run=${restore} onClose=${() => setSure(false)}>
      <p>${t("backup.would", { n: seen.written, deleted: seen.deleted })} ${t(`backup.${mode}_text`)}</p><//>`}
  </form>`;
}

async function read(file) {
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new api.ApiError({ code: "backup_damaged" });
  }
}

const SHOWN = { provider: "providers", key: "keys", client: "clients", alias: "models", rule: "rules", price: "prices", setting: "settings" };

function Counts({ of: { records, written, deleted } }) {
  const others = Object.entries(records).reduce((sum, [kind, n]) => sum + (kind in SHOWN ? 0 : n), 0);
  const tile = (name, n) => n > 0 && html`<div key=${name} class="tile"><dt>${name}</dt><dd class="num">${number(n)}</dd></div>`;
  return html`<section class="stack" aria-live="polite"><h3>${t("backup.inside")}</h3>
    <dl class="tiles wide">${Object.entries(SHOWN).map(([kind, screen]) => tile(t(`${screen}.title`), records[kind]))}${tile(t("backup.other"), others)}</dl>
    <p>${t("backup.would", { n: written, deleted })}</p></section>`;
}
