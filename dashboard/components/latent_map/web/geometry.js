// Pure functions over numbers: no DOM, no state.

/** Even-odd rule, in float64. `polygon` is a list of [x, y]. */
export function insidePolygon(x, y, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** Bounds of the points that are present in any list of x, y, x, y, ..., or null: [x0, x1, y0, y1]. */
export function boundsOf(lists) {
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (const xy of lists) {
    for (let i = 0; i < xy.length; i += 2) {
      const x = xy[i];
      const y = xy[i + 1];
      if (x !== x || y !== y) continue;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
  }
  return x0 <= x1 ? [x0, x1, y0, y1] : null;
}

/** Widen bounds by a share on each side and, where `square`, to equal spans about the same centre. */
export function fit(bounds, square, margin) {
  const [a, b, c, d] = bounds ?? [-1, 1, -1, 1];
  let width = b - a || 1;
  let height = d - c || 1;
  if (square) width = height = Math.max(width, height);
  width *= 1 + 2 * margin;
  height *= 1 + 2 * margin;
  const x = (a + b) / 2;
  const y = (c + d) / 2;
  return { x0: x - width / 2, x1: x + width / 2, y0: y - height / 2, y1: y + height / 2 };
}

/** Round values between `low` and `high`, about `wanted` of them, with the decimals that they need. */
export function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  const step = power * (share < 1.41 ? 1 : share < 3.16 ? 2 : share < 7.07 ? 5 : 10);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const values = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) values.push(k * step || 0);
  return { values, decimals };
}

/** A tick's text, with a true minus sign and no negative zero. */
export function tickText(value, decimals) {
  if (Math.abs(value) >= 1e6) return value.toExponential(1).replace("-", "\u2212");
  const text = value.toFixed(Math.min(decimals, 8));
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace("-", "\u2212");
}

/** The shortest decimal text that gives the same float32 back. */
export function floatText(value) {
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
}

/** A text cell: quoted where CSV needs it, and never a formula for a spreadsheet. */
export function csvText(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Index of the point nearest to (x, y) within `reach`, or -1. `each(visit)` calls visit(index, px, py). */
export function nearest(each, x, y, reach) {
  let best = -1;
  let least = reach * reach;
  each((i, px, py) => {
    const far = (px - x) ** 2 + (py - y) ** 2;
    if (far <= least) {
      least = far;
      best = i;
    }
  });
  return best;
}

/** The next point from (x, y) towards the unit vector (ux, uy): near, and within 50 degrees of it. */
export function stepFrom(each, current, x, y, ux, uy) {
  let best = -1;
  let least = Infinity;
  each((i, px, py) => {
    const along = (px - x) * ux + (py - y) * uy;
    const aside = Math.abs((px - x) * uy - (py - y) * ux);
    if (i === current || along < 0.5 || aside > along * 1.2) return;
    const cost = along + 2 * aside;
    if (cost < least) {
      least = cost;
      best = i;
    }
  });
  return best;
}
