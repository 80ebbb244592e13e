// A picture that brings its own background and follows the reader's color scheme.
export const WIDTH = 860;

const STYLE = `
  svg { color-scheme: light dark; font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; }
  .paper { fill: #ffffff; } .text { fill: #1f2328; } .faint { fill: #59636e; font-size: 12px; }
  .bold { font-weight: 600; } .title { font-size: 16px; font-weight: 600; }
  .grid { stroke: #d8dee4; fill: none; } .goal { stroke: #1a7f37; stroke-width: 2; fill: none; }
  .f0 { fill: #0969da; } .f1 { fill: #8250df; } .f2 { fill: #bc4c00; } .f3 { fill: #8c959f; }
  .s0 { stroke: #0969da; } .s1 { stroke: #8250df; } .s2 { stroke: #bc4c00; } .s3 { stroke: #8c959f; }
  .line { fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .text { fill: #f0f6fc; } .faint { fill: #9198a1; } .grid { stroke: #2f353d; }
    .goal { stroke: #3fb950; } .f0 { fill: #58a6ff; } .f1 { fill: #a371f7; } .f2 { fill: #f0883e; } .f3 { fill: #848d97; }
    .s0 { stroke: #58a6ff; } .s1 { stroke: #a371f7; } .s2 { stroke: #f0883e; } .s3 { stroke: #848d97; }
  }
`;

/// `parts` are what the functions below answer.
export function picture(height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}</title>
<style>${STYLE}</style>
<rect class="paper" width="100%" height="100%" rx="8"/>
${[text(24, 34, title, "text title"), ...parts].join("\n")}
</svg>
`;
}

export function text(x, y, words, kind = "text", anchor = "start") {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

/// Through points `[x, y]`.
export function path(points, kind) {
  return `<path class="${kind}" d="M${points.map((point) => point.map(round).join(" ")).join("L")}"/>`;
}

export function bar(x, y, width, height, kind) {
  return `<rect class="${kind}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"/>`;
}

/// A shape of its own for each series, so that colors need not be told apart.
export function mark(series, x, y) {
  const [left, top] = [round(x), round(y)];
  if (series === 0) return `<circle class="f0" cx="${left}" cy="${top}" r="5"/>`;
  if (series === 1) return `<path class="f1" d="M${left} ${top}m-4.5-4.5h9v9h-9z"/>`;
  return `<path class="f2" d="M${left} ${top}m0-5.5l5.5 10h-11z"/>`;
}

/// Marks and their names from the left to the right.
export function legend(y, names) {
  let x = 30;
  return names.map((name, series) => {
    const part = mark(series, x, y - 4) + text(x + 12, y, name, series === 0 ? "text bold" : "text");
    x += 44 + name.length * 7;
    return part;
  });
}

const round = (value) => Math.round(value * 10) / 10;
const escaped = (words) => String(words).replace(/&/g, "&amp;").replace(/</g, "&lt;");
