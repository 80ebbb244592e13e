// What stands around every screen: the way to the others, the reader's choices, and warnings that concern the whole pool.
import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import { LANGUAGES, remember, remembered, spoken, t } from "../i18n.js";
import { Icon } from "./icon.js";
import { hashOf } from "./route.js";

const THEMES = ["system", "light", "dark"];

export function Shell({ session, screen, screens, chooseLanguage, logout, children }) {
  const main = useArrival(screen);
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>${t("skip")}</a>
    <header class="side">
      <a class="brand" href="#/keys"><${Mark} /><span>${t("brand")}</span></a>
      <nav aria-label=${t("nav")}>
        <ul>${screens.map((name) => html`<li key=${name}><a href=${hashOf({ screen: name })} aria-current=${name === screen ? "page" : undefined}><${Icon} name=${name} /><span>${t(`${name}.title`)}</span></a></li>`)}</ul>
      </nav>
      <div class="choices">
        <${Choices} chooseLanguage=${chooseLanguage} />
        <button type="button" class="quiet" onClick=${logout}><${Icon} name="exit" /><span>${t("logout")}</span></button>
        <p class="storage num">${t("storage.on", { storage: t(`storage.${session.storage}`), version: session.version })}</p>
      </div>
    </header>
    <main id="main" ref=${main} tabindex="-1">
      <${Warnings} session=${session} />
      ${children}
    </main>
  </div>`;
}

export function Choices({ chooseLanguage }) {
  const [theme, setTheme] = useState(remembered("theme") ?? "system");
  const choose = (name) => {
    document.documentElement.dataset.theme = name;
    remember("theme", name);
    setTheme(name);
  };
  return html`<div class="selects">
    <select class="small" aria-label=${t("language")} value=${spoken()} onChange=${(event) => chooseLanguage(event.target.value)}>
      ${Object.entries(LANGUAGES).map(([name, label]) => html`<option key=${name} value=${name}>${label}</option>`)}
    </select>
    <select class="small" aria-label=${t("theme")} value=${theme} onChange=${(event) => choose(event.target.value)}>
      ${THEMES.map((name) => html`<option key=${name} value=${name}>${t(`theme.${name}`)}</option>`)}
    </select>
  </div>`;
}

export const Mark = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
  <rect width="32" height="32" rx="8" /><circle cx="11.5" cy="16" r="4.5" /><path d="M16 16h9.5M21.5 16v4M25.5 16v3" />
</svg>`;

function Warnings({ session }) {
  return html`
    ${!session.encrypted && html`<div class="banner warn"><${Icon} name="warning" /><p><strong>${t("warning.plain")}</strong> ${t("warning.plain_why")}</p></div>`}
    ${session.encrypted && session.storage_warning && html`<div class="banner warn"><${Icon} name="warning" /><p><strong>${t("warning.storage")}</strong> ${session.storage_warning}</p></div>`}`;
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
