// The door: the password, or what to do when the Worker cannot have one yet.
import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { t } from "../i18n.js";
import { useAction } from "../ui/ask.js";
import { Copy } from "../ui/copy.js";
import { Dialog, Failure, Field } from "../ui/form.js";
import { Choices, Mark } from "../ui/shell.js";

const SETUPS = {
  admin_password_missing: [["setup.password_deployed", "npx wrangler secret put ADMIN_PASSWORD"], ["setup.password_local", "npm run dev"]],
  no_storage: [
    ["setup.storage_d1", '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "keypool"\nmigrations_dir = "migrations"'],
    ["setup.storage_kv", '[[kv_namespaces]]\nbinding = "API_TOKENS"'],
    ["setup.deploy", "npx wrangler deploy"],
  ],
};

export function Login({ failure, enter, chooseLanguage }) {
  useEffect(() => void (document.title = t("page_title", { screen: t("login.title") })));
  return html`<div class="door">
    <main class="card" id="main">
      <div class="brand"><${Mark} /><h1>${t("brand")}</h1></div>
      ${failure?.code in SETUPS ? html`<${Setup} code=${failure.code} enter=${enter} />` : html`<p class="lead">${t("login.lead")}</p><${Password} failure=${failure} enter=${enter} />`}
    </main>
    <footer><${Choices} chooseLanguage=${chooseLanguage} /></footer>
  </div>`;
}

/** The session ended while the page was open: whatever was typed behind this dialog stays there. */
export function LoginAgain({ failure, enter }) {
  return html`<${Dialog} title=${t("login.again")} locked onClose=${() => {}}>
    <div class="body"><p>${t("login.again_lead")}</p><${Password} failure=${failure} enter=${enter} /></div>
  <//>`;
}

function Password({ failure, enter }) {
  const [password, setPassword] = useState("");
  const [setup, setSetup] = useState(null);
  const field = useRef(null);
  const action = useAction(async () => {
    try {
      await api.login(password);
    } catch (problem) {
      if (problem.code in SETUPS) return setSetup(problem.code);
      field.current.querySelector("input").focus();
      throw problem;
    }
    await enter();
  });
  if (setup) return html`<${Setup} code=${setup} enter=${enter} />`;
  const submit = (event) => {
    event.preventDefault();
    action.start();
  };
  return html`<form onSubmit=${submit} ref=${field}>
    <${Field} label=${t("login.password")} type="password" name="password" autocomplete="current-password" first required value=${password} onText=${setPassword} />
    <${Failure} failure=${action.failure ?? failure} />
    <button type="submit" class="primary wide" disabled=${action.pending} aria-busy=${action.pending}>${t("login.enter")}</button>
  </form>`;
}

function Setup({ code, enter }) {
  const { pending, start } = useAction(enter);
  return html`<section class="setup">
    <h2>${t(`setup.${code}`)}</h2>
    <p>${t(`setup.${code}_why`)}</p>
    ${SETUPS[code].map(([name, command]) => html`<div key=${name}><p>${t(name)}</p><div class="command"><pre tabindex="0">${command}</pre><${Copy} text=${command} /></div></div>`)}
    <button type="button" class="primary wide" disabled=${pending} aria-busy=${pending} onClick=${() => start()}>${t("setup.done")}</button>
  </section>`;
}
