// The attempts of one request on a common axis of time: who was tried when, how long, how it ended, and the waits between.
import { html } from "../preact.js";
import { duration, t } from "../i18n.js";
import { className } from "./show.js";

const WAIT_MS = 50; // less is no wait, only the way from one attempt to the next

/** `attempts` as the API tells them; `total` and `first` (first byte) in ms since the request; `nameOf(id)` is a key's name. */
export function Timeline({ attempts, total, first, nameOf = (id) => id }) {
  let end = 0;
  const tries = attempts.map((attempt) => {
    const from = attempt.at_ms ?? end;
    const wait = from - end;
    end = from + attempt.ms;
    return { ...attempt, from, wait, good: (attempt.class ?? "ok") === "ok" };
  });
  const whole = Math.max(total ?? 0, end, 1);
  const piece = (kind, from, ms) => html`<i class=${kind} style=${{ left: `${(from / whole) * 100}%`, width: `${(ms / whole) * 100}%` }}></i>`;
  if (tries.length === 0) return html`<p class="faint">${t("timeline.none")}</p>`;
  return html`<ol class="timeline" aria-label=${t("line.attempts")}>
    ${tries.map(({ key, provider, model, status, class: what, from, wait, ms, good }, i) => {
      const to = good && i === tries.length - 1 ? whole : from + ms; // the answer that the client got, to its end
      const answers = good && first != null && first < to;
      return html`<li key=${i}>
        <span class="who"><strong>${nameOf(key)}</strong><small>${provider} · ${model}</small></span>
        <span class="how num"><b class=${good ? "good" : "bad"}>${[status, !good && className(what)].filter(Boolean).join(" · ") || t(good ? "timeline.ok" : "key.no_status")}</b>
          <small>${t(wait > WAIT_MS ? "timeline.waited" : "timeline.took", { from: duration(from), ms: duration(to - from), wait: duration(wait) })}</small></span>
        <span class="track" aria-hidden="true">
          ${wait > WAIT_MS && piece("wait", from - wait, wait)}${piece(good ? "good" : "bad", from, answers ? first - from : to - from)}
          ${answers && piece("answer", first, to - first)}
        </span>
      </li>`;
    })}
  </ol>
  <p class="row faint num axis"><span>0</span>${first != null && html`<span>${t("timeline.first", { ms: duration(first) })}</span>`}<span>${duration(whole)}</span></p>`;
}
