// The page: who is there, which screen, which words. Everything else is a view's.
import { html, render, useCallback, useEffect, useReducer, useState } from "/vendor/preact.js";
import * as api from "./api.js";
import { firstLanguage, remember, speak, t } from "./i18n.js";
import { resume } from "./ui/ask.js";
import { useRoute } from "./ui/route.js";
import { Shell } from "./ui/shell.js";
import { complain, Toasts } from "./ui/toast.js";
import { Clients } from "./views/clients.js";
import { Connect } from "./views/connect.js";
import { Keys } from "./views/keys.js";
import { Login, LoginAgain } from "./views/login.js";
import { Prices } from "./views/prices.js";
import { Providers } from "./views/providers.js";
import { Settings } from "./views/settings.js";
import { Usage } from "./views/usage.js";

const SCREENS = { keys: Keys, usage: Usage, providers: Providers, prices: Prices, clients: Clients, settings: Settings, connect: Connect };

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
    return { session: await api.session(), expired: false, failure: null };
  } catch (failure) {
    return { session: null, expired: false, failure: failure.code === "login_required" ? null : failure };
  }
}

function Visit({ session, expired, failure, enter, chooseLanguage }) {
  const route = useRoute();
  const screen = route.screen in SCREENS ? route.screen : "keys";
  if (session === null) return html`<${Login} failure=${failure} enter=${enter} chooseLanguage=${chooseLanguage} />`;
  return html`
    <${Shell} session=${session} screen=${screen} screens=${Object.keys(SCREENS)} chooseLanguage=${chooseLanguage} logout=${logout}>
      <${SCREENS[screen]} key=${screen} route=${route} />
    <//>
    ${expired && html`<${LoginAgain} failure=${failure} enter=${enter} />`}`;
}

/** The reload forgets everything that this page knew. */
async function logout() {
  try {
    await api.logout();
  } catch (failure) {
    if (failure.code !== "login_required") return complain(failure, t("logout.failed"));
  }
  location.reload();
}

/** A mistake in this page is said, like everything else that goes wrong. */
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
