// Figures over time, as stacked bars or as lines. A pointer or the arrow keys choose the point that is put in words.
import { html, useState } from "/vendor/preact.js";
import { compact } from "../i18n.js";

/** `lines`: [{ label, kind, values }] with null where nothing was measured; `when(i)` and `show(value)` give the words. */
export function Chart({ title, whole, lines, stacked, when, show, brief = compact }) {
  const [chosen, choose] = useState(null);
  const [{ values: first }] = lines;
  const size = first.length;
  const at = chosen ?? (stacked ? null : first.findLastIndex((value) => value !== null));
  const name = at === null ? whole : when(at);
  const figure = ({ values }) => show(at === null ? values.reduce(add) : values[at]);
  const below = (n, i) => lines.slice(0, n).reduce((sum, { values }) => sum + values[i], 0);
  const top = ceiling(stacked ? first.map((_, i) => below(lines.length, i)) : lines.flatMap(({ values }) => values));
  const point = (n) => choose(Math.max(0, Math.min(size - 1, n)));
  const move = ({ clientX, currentTarget }) => {
    const { left, width } = currentTarget.getBoundingClientRect();
    point(Math.floor(((clientX - left) / width) * size));
  };
  const step = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -size, End: size }[event.key];
    if (!by) return;
    event.preventDefault();
    point((at ?? size) + by);
  };
  const high = (value) => (value / top) * 100;
  const bar = (n) => (value, i) => value ? `M${i + 0.12} ${100 - high(below(n, i))}v${-high(value)}h.76v${high(value)}z` : "";
  // A gap stays a gap; a point between two of them is a dot.
  const dot = (value, i, values) => (value === null ? "" : `${values[i - 1] == null ? "M" : "L"}${i + 0.5} ${100 - high(value)}h0`);
  return html`<figure class="chart num">
    <figcaption class="row"><strong>${name}</strong>${lines.map((line) => html`<span key=${line.label} class=${`row ${line.kind}`}><i></i>${line.label} <b>${figure(line)}</b></span>`)}</figcaption>
    <p class="scale">${[top, top / 2, 0].map((value) => html`<span>${brief(value)}</span>`)}</p>
    <div class="plot" role="slider" tabindex="0" aria-label=${title} aria-valuemin="0" aria-valuemax=${size - 1} aria-valuenow=${at ?? size - 1}
      aria-valuetext=${[name, ...lines.map((line) => `${line.label} ${figure(line)}`)].join(", ")}
      onKeyDown=${step} onPointerMove=${move} onPointerDown=${move} onPointerLeave=${() => choose(null)} onBlur=${() => choose(null)}>
      <svg viewBox=${`0 0 ${size} 100`} preserveAspectRatio="none" aria-hidden="true">
        <path class="grid" d=${`M0 0h${size}M0 50h${size}M0 100h${size}`} />
        ${at !== null && html`<rect x=${at} width="1" height="100" />`}
        ${lines.map(({ label, kind, values }, n) => html`<path key=${label} class=${`${kind} ${stacked ? "bar" : "line"}`} d=${values.map(stacked ? bar(n) : dot).join("")} />`)}
      </svg>
    </div>
    <p class="times">${[0, size >> 1, size - 1].map((i) => html`<span>${when(i)}</span>`)}</p>
  </figure>`;
}

const add = (a, b) => a + b;

/** The next round number whose half is whole too. */
function ceiling(values) {
  const most = Math.max(2, ...values);
  const unit = 10 ** Math.floor(Math.log10(most));
  const step = unit > 1 && most < 2 * unit ? unit / 5 : unit * 2;
  return Math.ceil(most / step) * step;
}
