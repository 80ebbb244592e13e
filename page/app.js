// The page: who is there, which screen, which words, and what stands around every screen. Everything else is a view's.
import { html, render, useCallback, useEffect, useReducer, useRef, useState } from "./preact.js";
import * as api from "./api.js";
import { firstLanguage, LANGUAGES, remember, remembered, speak, spoken, t } from "./i18n.js";
import { askRarely, complain, Copy, Dialog, Failure, Field, Go, resume, Toasts, useAction } from "./ui/form.js";
import { hashOf, useRoute } from "./ui/screen.js";
import { Icon } from "./ui/show.js";
import { Audit } from "./views/audit.js";
import { Backup } from "./views/backup.js";
import { Clients } from "./views/clients.js";
import { Connect } from "./views/connect.js";
import { Guide } from "./views/guide.js";
import { Keys } from "./views/keys.js";
import { AddKeys } from "./views/keys/add.js";
import { Overview } from "./views/overview.js";
import { Playground } from "./views/playground.js";
import { Requests } from "./views/requests.js";
import { Models, Providers, Rules } from "./views/routes.js";
import { Prices, Settings } from "./views/settings.js";

/** The page opens on the first one. */
const GROUPS = {
  pool: { overview: Overview, keys: Keys, requests: Requests },
  routing: { providers: Providers, models: Models, rules: Rules, prices: Prices },
  access: { clients: Clients, connect: Connect, playground: Playground },
  system: { settings: Settings, audit: Audit, backup: Backup },
};
const SCREENS = Object.assign({}, ...Object.values(GROUPS));
const GUIDED = ["overview", "keys"];

function App({ first }) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  const visit = useVisit(first);
  const chooseLanguage = async (name) => {
    try {
      speak(name, await api.words(name));
      remember("lang", name);
      redraw();
    } catch (failure) {
      complain(failure);
    }
  };
  return html`<${Visit} ...${visit} chooseLanguage=${chooseLanguage} /><${Toasts} />`;
}

/** Who is there: `session` is null before the login, and stays when it has `expired`, so that the screens stay too. */
function useVisit(first) {
  const [state, setState] = useState(first);
  const enter = useCallback(async () => {
    const next = await ask();
    setState((old) => (next.session ? next : { ...old, failure: next.failure }));
    if (next.session) resume();
  }, []);
  useEffect(() => void api.whenExpired(() => setState((old) => ({ ...old, expired: old.session !== null }))), []);
  return { ...state, enter };
}

async function ask() {
  try {
    const session = await api.session();
    if (session.storage === "kv") askRarely();
    return { session, expired: false, failure: null };
  } catch (failure) {
    return { session: null, expired: false, failure: failure.code === "login_required" ? null : failure };
  }
}

function Visit({ session, expired, failure, enter, chooseLanguage }) {
  const route = useRoute();
  const screen = route.screen in SCREENS ? route.screen : "overview";
  if (session === null) return html`<${Login} failure=${failure} enter=${enter} chooseLanguage=${chooseLanguage} />`;
  return html`
    <${Shell} session=${session} screen=${screen} chooseLanguage=${chooseLanguage} logout=${logout}>
      ${GUIDED.includes(screen) && html`<${Guide} route=${route} Paste=${AddKeys} />`}
      <${SCREENS[screen]} key=${screen} route=${route} />
    <//>
    ${expired && html`<${LoginAgain} failure=${failure} enter=${enter} />`}`;
}

const logout = () => api.logout().catch((failure) => complain(failure, t("logout.failed")));

const THEMES = ["system", "light", "dark"];

function Shell({ session, screen, chooseLanguage, logout, children }) {
  const main = useArrival(screen);
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>${t("skip")}</a>
    <header class="side">
      <a class="brand" href="#/overview"><${Mark} /><span>${t("brand")}</span></a>
      <${Nav} screen=${screen} />
      <div class="choices">
        <${Choices} chooseLanguage=${chooseLanguage} />
        <button type="button" class="quiet" onClick=${logout}><${Icon} name="exit" /><span>${t("logout")}</span></button>
        <p class="storage num">${t("storage.on", { storage: session.storage.toUpperCase(), version: session.version })}</p>
      </div>
    </header>
    <main id="main" ref=${main} tabindex="-1">
      <${Warnings} session=${session} />
      ${children}
    </main>
  </div>`;
}

/** A phone shows the first group, and the others behind a button that bears the name of where the reader is. */
function Nav({ screen }) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [screen]);
  const away = !(screen in GROUPS.pool);
  return html`<nav aria-label=${t("nav")} class=${open ? "open" : ""}>
    ${Object.entries(GROUPS).map(([group, screens]) => html`<div key=${group}>
      <p id=${`nav-${group}`}>${t(`nav.${group}`)}</p>
      <ul aria-labelledby=${`nav-${group}`}>${Object.keys(screens).map((name) => html`<li key=${name}><a href=${hashOf({ screen: name })} aria-current=${name === screen ? "page" : undefined} onClick=${() => setOpen(false)}><${Icon} name=${name} /><span>${t(`${name}.title`)}</span></a></li>`)}</ul>
    </div>`)}
    <button type="button" class=${`more ${away ? "here" : ""}`} aria-expanded=${open} onClick=${() => setOpen(!open)}>${away ? t(`${screen}.title`) : t("nav.more")}<${Icon} name="unfold" /></button>
  </nav>`;
}

function Choices({ chooseLanguage }) {
  const [theme, setTheme] = useState(remembered("theme") ?? "system");
  const choose = (name) => {
    document.documentElement.dataset.theme = name;
    remember("theme", name);
    setTheme(name);
  };
  return html`<div class="selects">
    <select class="small" aria-label=${t("language")} value=${spoken()} onChange=${(event) => chooseLanguage(event.target.value)}>
      ${Object.entries(LANGUAGES).map(([name, label]) => html`<option value=${name}>${label}</option>`)}
    </select>
    <select class="small" aria-label=${t("theme")} value=${theme} onChange=${(event) => choose(event.target.value)}>
      ${THEMES.map((name) => html`<option value=${name}>${t(`theme.${name}`)}</option>`)}
    </select>
  </div>`;
}

const Mark = () => html`<img class="mark" src="/admin/favicon.svg" alt="" />`;

function Warnings({ session }) {
  return html`
    ${!session.encrypted && !session.storage_warning && html`<div class="banner warn"><${Icon} name="warning" /><p><strong>${t("warning.plain")}</strong> ${t("warning.plain_why")}</p></div>`}
    ${session.storage_warning && html`<div class="banner warn"><${Icon} name="warning" /><p><strong>${t("warning.storage")}</strong> ${session.storage_warning}</p></div>`}`;
}

/** On a new screen the reader starts at its top, and the title bar names it. */
function useArrival(screen) {
  const main = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      main.current.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [screen]);
  useEffect(() => void (document.title = t("page_title", { screen: t(`${screen}.title`) })));
  return main;
}


const SEAL = "npx wrangler secret put ENCRYPTION_KEY";
const SETUPS = {
  encryption_key_missing: [["setup.seal", SEAL]],
  encryption_key_short: [["setup.seal_make", "openssl rand -base64 32"], ["setup.seal", SEAL]],
  encryption_key_wrong: [["setup.seal", SEAL], ["setup.seal_old", `${SEAL}_OLD`]],
  admin_password_missing: [["setup.password_deployed", "npx wrangler secret put ADMIN_PASSWORD"], ["setup.password_local", "npm run dev"]],
  no_storage: [
    ["setup.storage_d1", '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "keypool"\nmigrations_dir = "migrations"'],
    ["setup.storage_kv", '[[kv_namespaces]]\nbinding = "API_TOKENS"'],
    ["setup.deploy", "npx wrangler deploy"],
  ],
};

function Login({ failure, enter, chooseLanguage }) {
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
function LoginAgain({ failure, enter }) {
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
  return html`<form onSubmit=${action.submit} ref=${field}>
    <${Field} label=${t("login.password")} type="password" name="password" autocomplete="current-password" first required value=${password} onText=${setPassword} />
    <${Failure} failure=${action.failure ?? failure} />
    <${Go} submit of=${action} kind="primary wide">${t("login.title")}<//>
  </form>`;
}

function Setup({ code, enter }) {
  const action = useAction(enter);
  return html`<section class="setup">
    <h2>${t(`setup.${code}`)}</h2>
    <p>${t(`setup.${code}_why`)}</p>
    ${SETUPS[code].map(([name, command]) => html`<div key=${name}><p>${t(name)}</p><div class="command"><pre tabindex="0">${command}</pre><${Copy} text=${command} /></div></div>`)}
    <${Go} of=${action} kind="primary wide">${t("setup.done")}<//>
  </section>`;
}

function listenForMistakes() {
  addEventListener("error", ({ error }) => error && complain(error));
  addEventListener("unhandledrejection", ({ reason }) => complain(reason));
}

async function start() {
  const language = firstLanguage();
  const [words, first] = await Promise.all([api.words(language), ask()]);
  speak(language, words);
  listenForMistakes();
  render(html`<${App} first=${first} />`, document.getElementById("app"));
}

start().catch(() => {
  document.getElementById("no-words").hidden = false;
});
