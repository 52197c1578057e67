// What a number of the source is, where that can be known without running it.

const HELPERS = {
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};
const UNITS = [
  ['day', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/**
 * Literals, sums and products of them, and the throttler's helpers: `60 * 1000`, `minutes(5)`.
 * @param {Map<string, string>} names what the file calls the throttler's exports
 * @returns {number | undefined}
 */
export function staticNumber(ts, names, node) {
  if (ts.isNumericLiteral(node)) return Number(node.text.replaceAll('_', ''));
  if (ts.isParenthesizedExpression(node)) return staticNumber(ts, names, node.expression);
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.arguments.length === 1) {
    const factor = HELPERS[names.get(node.expression.text)];
    const count = staticNumber(ts, names, node.arguments[0]);
    return factor === undefined || count === undefined ? undefined : factor * count;
  }
  if (ts.isBinaryExpression(node)) {
    const [left, right] = [node.left, node.right].map((side) => staticNumber(ts, names, side));
    if (left === undefined || right === undefined) return undefined;
    return calculate(ts, node.operatorToken.kind, left, right);
  }
  return undefined;
}

function calculate(ts, operator, left, right) {
  if (operator === ts.SyntaxKind.AsteriskToken) return left * right;
  if (operator === ts.SyntaxKind.PlusToken) return left + right;
  if (operator === ts.SyntaxKind.MinusToken) return left - right;
  return operator === ts.SyntaxKind.SlashToken ? left / right : undefined;
}

/** `limit` in `ttl` milliseconds as a rate: `'10/min'`. Undefined where a bucket cannot have it. */
export function rateOf(limit, ttl) {
  if (![limit, ttl].every((value) => Number.isSafeInteger(value) && value > 0)) return undefined;
  const [unit, ms] = UNITS.find(([, size]) => ttl % size === 0);
  const count = ttl / ms;
  return `'${limit}/${count === 1 ? '' : count}${unit}'`;
}
