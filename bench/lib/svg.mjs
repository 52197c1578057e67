// A chart of bars as an SVG text, written by hand: one picture needs no library.

const WIDTH = 860;
const LEFT = 390;
const RIGHT = 90;
const TOP = 64;
const BAR = 18;
const GAP = 12;
const COLORS = { met: '#2f7d4f', missed: '#b4552d', goal: '#333333', text: '#222222', rule: '#dddddd' };

/**
 * @typedef {{ label: string, value: number, goal: number, met: boolean }} Bar both numbers positive
 * @param {{ title: string, subtitle: string, bars: readonly Bar[] }} chart
 * @returns {string} horizontal bars on a logarithmic scale, each with a tick at its goal
 */
export function barChart({ title, subtitle, bars }) {
  const height = TOP + bars.length * (BAR + GAP) + 24;
  const scale = logarithmic(bars.flatMap(({ value, goal }) => [value, goal]));
  const body = bars.map((bar, index) => drawBar(bar, TOP + index * (BAR + GAP), scale));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="16" font-weight="bold" fill="${COLORS.text}">${escapeXml(title)}</text>`,
    `<text x="16" y="46" fill="${COLORS.text}">${escapeXml(subtitle)}</text>`,
    ...scale.powers.map((power) => drawPower(power, scale, height)),
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

/** From the power of ten below all values to the one above them. */
function logarithmic(values) {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  const room = WIDTH - LEFT - RIGHT;
  const at = (value) => LEFT + (room * (Math.log10(value) - first)) / (last - first);
  const powers = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  return { at, powers };
}

function drawPower(power, { at }, height) {
  const x = round(at(power));
  const line = `<line x1="${x}" x2="${x}" y1="${TOP - 4}" y2="${height - 20}" stroke="${COLORS.rule}"/>`;
  return `${line}<text x="${x}" y="${height - 6}" text-anchor="middle" fill="${COLORS.text}">${tidy(power)}</text>`;
}

function drawBar({ label, value, goal, met }, y, { at }) {
  const middle = y + BAR / 2 + 4;
  const end = round(at(value));
  const mark = round(at(goal));
  return [
    `<text x="${LEFT - 8}" y="${middle}" text-anchor="end" fill="${COLORS.text}">${escapeXml(label)}</text>`,
    `<rect x="${LEFT}" y="${y}" width="${round(end - LEFT)}" height="${BAR}" fill="${met ? COLORS.met : COLORS.missed}"/>`,
    `<line x1="${mark}" x2="${mark}" y1="${y - 3}" y2="${y + BAR + 3}" stroke="${COLORS.goal}" stroke-width="2"/>`,
    `<text x="${round(Math.max(end, mark)) + 6}" y="${middle}" fill="${COLORS.text}">${tidy(value)}</text>`,
  ].join('');
}

const round = (value) => Math.round(value * 10) / 10;
const tidy = (value) => String(Number(value.toPrecision(3)));

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text) => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);
