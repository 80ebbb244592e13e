// What may be set while it runs. An empty field is left to the var or the default, which it shows.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { has, t } from "../i18n.js";
import { useAction, useAnswer } from "../ui/ask.js";
import { Failure, Field } from "../ui/form.js";
import { Head } from "../ui/screen.js";
import { say } from "../ui/toast.js";

const OPTIONS = { log_level: ["debug", "info", "warn", "error"], request_log: ["off", "meta", "bodies"] };
/** Times are typed in seconds. */
const isTime = (name) => name.endsWith("_ms");

export function Settings() {
  const { answer, failure, again } = useAnswer(api.settings, 60_000);
  const [edits, edit] = useState({});
  const save = useAction(async () => {
    await api.changeSettings(Object.fromEntries(Object.entries(edits).map(([name, text]) => [name, sent(name, text, answer.effective[name])])));
    await again();
    edit({});
    say(t("saved"));
  });
  const submit = (event) => {
    event.preventDefault();
    save.start();
  };
  const names = Object.keys(answer?.effective ?? {}).filter((name) => typeof answer.effective[name] !== "boolean");
  return html`
    <${Head} name="settings" failure=${failure} again=${again} />
    ${answer && html`<form class="card stack" onSubmit=${submit}>
      <div class="settings">${names.map((name) => html`<${Setting} key=${name} name=${name} of=${answer} text=${edits[name]} onText=${(text) => edit((old) => ({ ...old, [name]: text }))} />`)}</div>
      <${Failure} failure=${save.failure} title=${t("save_failed")} />
      <p class="acts"><button type="submit" class="primary" disabled=${save.pending || Object.keys(edits).length === 0} aria-busy=${save.pending}>${t("save")}</button>
        <button type="button" disabled=${Object.keys(edits).length === 0} onClick=${() => (edit({}), save.forget())}>${t("cancel")}</button></p>
    </form>`}`;
}

function Setting({ name, of: { settings, effective }, text, onText }) {
  const stored = settings[name];
  const value = text ?? shown(name, stored);
  const label = t(has(`set.${name}`) ? `set.${name}` : `provider.${name}`);
  const about = { label, value, onText, class: value === "" ? "" : "chosen" };
  const options = OPTIONS[name];
  const fallback = stored === undefined ? shown(name, effective[name]) : t("provider.as_global");
  if (options) return html`<${Field} ...${about} control="select"><option value="">${fallback}</option>${options.map((option) => html`<option key=${option} value=${option}>${option}</option>`)}<//>`;
  const number = typeof effective[name] === "number" && { type: "number", min: 0, step: "any", suffix: isTime(name) && t("seconds") };
  return html`<${Field} ...${about} ...${number} placeholder=${fallback} spellcheck="false" />`;
}

const shown = (name, value) => (value === undefined ? "" : String(isTime(name) ? value / 1000 : value));

function sent(name, text, now) {
  if (text.trim() === "") return null;
  if (typeof now !== "number") return text.trim();
  return isTime(name) ? Math.round(text * 1000) : Number(text);
}
