// The first run, by the hand: keys, then a client key, then the address. Gone once the pool has been used or the reader says so.
import { html, useState } from "/vendor/preact.js";
import { remember, remembered, t } from "../../i18n.js";
import { Icon } from "../../ui/icon.js";

const STEPS = ["keys", "client", "connect"];
const WAYS = { client: "#/clients/new", connect: "#/connect" };

/** `done`: how many of the steps are. `children` is the first step's form. */
export function Guide({ done, children }) {
  const [hidden, setHidden] = useState(() => remembered("guide") === "done");
  if (done >= STEPS.length || (hidden && done > 0)) return null;
  const dismiss = () => {
    remember("guide", "done");
    setHidden(true);
  };
  return html`<section class="guide card" aria-label=${t("guide.title")}>
    <header><h2>${t(done ? "guide.go_on" : "guide.title")}</h2>${done > 0 && html`<button type="button" class="small" onClick=${dismiss}>${t("guide.dismiss")}</button>`}</header>
    <ol>
      ${STEPS.map((name, i) => html`<li key=${name} class=${i < done ? "done" : i === done ? "now" : ""} aria-current=${i === done ? "step" : undefined}>
        <span class="step num">${i < done ? html`<${Icon} name="check" />` : i + 1}</span>
        <div><h3>${t(`guide.${name}`)}</h3><p>${t(`guide.${name}_text`)}</p>
          ${i === done && WAYS[name] && html`<a class="button primary" href=${WAYS[name]}>${t(`guide.${name}_go`)}</a>`}
        </div>
      </li>`)}
    </ol>
    ${children}
  </section>`;
}
