// Line icons on a 16 px grid, drawn in the text's colour. They say nothing to a screen reader: the button's label does.
import { html } from "/vendor/preact.js";

const PATHS = {
  add: "M8 3v10M3 8h10",
  check: "M3 8.5l3.2 3.2L13 5",
  clients: "M5.5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c.3-2.4 1.9-3.7 4-3.7s3.7 1.3 4 3.700M10.5 3.200a2.4 2.4 0 0 1 0 4.600M11.8 10c1.6.5 2.5 1.7 2.7 3.5",
  close: "M4 4l8 8M12 4l-8 8",
  connect: "M6.5 9.500l3-3M7 4.500l1.5-1.500a3.2 3.2 0 0 1 4.5 4.500L11.5 9M9 11.500L7.5 13A3.2 3.2 0 0 1 3 8.500L4.5 7",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  down: "M8 3v10M4 9l4 4 4-4",
  edit: "M3 13l.6-2.800L11 2.800l2.2 2.2-7.4 7.400L3 13z",
  exit: "M6 3H3v10h3M7 8h7M11 5l3 3-3 3",
  keys: "M5.5 10.500a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600zM8.3 7.700H14M12 7.700v2.6",
  off: "M8 2.500v5M4.8 4.300a5 5 0 1 0 6.4 0",
  prices: "M8 2v12M11 4.500H6.500a1.7 1.7 0 0 0 0 3.500h3a1.7 1.7 0 0 1 0 3.500H5",
  providers: "M3 3h10v4H3zM3 9h10v4H3zM5.5 5h.01M5.5 11h.01",
  refresh: "M13 8a5 5 0 1 1-1.5-3.600M13 2.500v2.700h-2.7",
  reset: "M3 8a5 5 0 1 0 1.5-3.600M3 2.500v2.700h2.7",
  search: "M7 11.500a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.500L14 14",
  settings: "M2.500 5h7M12.5 5h1M2.500 11h1M6.500 11h7M11 3.500v3M5 9.500v3",
  star: "M8 2.500l1.7 3.5 3.8.5-2.8 2.7.7 3.800L8 11.2 4.6 13l.7-3.800L2.5 6.5 6.3 6z",
  test: "M5 3l8 5-8 5z",
  trash: "M3 4.500h10M6.5 4.500V3h3v1.500M4.5 4.500l.6 8.500h5.800l.6-8.5",
  up: "M8 13V3M4 7l4-4 4 4",
  usage: "M3 13V9M6.500 13V5M10 13V7M13.5 13V3",
  warning: "M8 2.500l6 10.500H2zM8 6.500v3M8 11.300v.01",
};

export const Icon = ({ name }) => html`<svg class="icon-art" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
