// Horizontal bars with the spread of the rounds, as SVG that needs nothing but a browser.
'use strict';

const WIDTH = 860;
const LABELS = 330;
const FIGURES = 120;
const ROW = 26;
const HEAD = 44;
const FOOT = 14;

/** `bars`: {label, value, min, max, ours}, drawn in this order; `logarithmic` for what differs by orders. */
function chart({ title, unit, bars, logarithmic = false }) {
  const height = HEAD + bars.length * ROW + FOOT;
  const most = Math.max(...bars.map(({ max }) => max), Number.MIN_VALUE);
  const least = Math.min(...bars.map(({ min }) => min).filter((value) => value > 0), most);
  const room = WIDTH - LABELS - FIGURES;
  const low = logarithmic ? Math.log10(least) - 0.3 : 0;
  const high = logarithmic ? Math.log10(most) : most;
  const place = (value) => {
    const at = logarithmic ? Math.log10(Math.max(value, least / 2)) : value;
    return LABELS + (room * (at - low)) / Math.max(high - low, Number.EPSILON);
  };
  const rows = bars.flatMap(({ label, value, min, max, ours }, index) => {
    const top = HEAD + index * ROW;
    const middle = top + ROW / 2;
    const [from, to] = [place(min), place(max)].map((x) => x.toFixed(1));
    return [
      text(LABELS - 8, middle + 4, label, 'text-anchor="end"'),
      `<rect x="${LABELS}" y="${top + 4}" width="${Math.max(1, place(value) - LABELS).toFixed(1)}" height="${ROW - 8}" rx="2" fill="${ours ? '#2563eb' : '#94a3b8'}"/>`,
      `<path d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8" stroke="#475569" fill="none"/>`,
      text(Number(to) + 8, middle + 4, value.toLocaleString('en-US')),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(16, 24, title, 'font-size="15" font-weight="600"'),
    text(
      WIDTH - 16,
      24,
      `${unit}${logarithmic ? ', logarithmic' : ''}`,
      'text-anchor="end" fill="#475569"',
    ),
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function text(x, y, words, more = 'fill="#0f172a"') {
  const escaped = words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return `<text x="${x}" y="${y}" ${more}>${escaped}</text>`;
}

module.exports = { chart };
