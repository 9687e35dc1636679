// Points into pixels on the CPU: small stamps of coverage, blended into ImageData.
// In measurements this beat WebGL in software tenfold, it has no context to lose, and it is exact to the pixel.

const SHAPES = ["circle", "triangle", "square", "diamond", "plus", "wedge", "cross", "bar"];
const SUB = 4; // sub-pixel positions a side: points sit where they are, not on a grid of pixels

/** Is (x, y) inside a shape of radius 1? All have about the same area, so none looks heavier. */
function insideShape(shape, x, y) {
  if (shape === "square") return Math.abs(x) <= 0.9 && Math.abs(y) <= 0.9;
  if (shape === "diamond") return Math.abs(x) + Math.abs(y) <= 1.28;
  if (shape === "wedge") return insideShape("triangle", x, -y);
  if (shape === "triangle") return y <= 0.78 && y >= -1.15 && Math.abs(x) <= (y + 1.15) * 0.62;
  if (shape === "plus") return Math.max(Math.abs(x), Math.abs(y)) <= 1.25 && Math.min(Math.abs(x), Math.abs(y)) <= 0.38;
  if (shape === "cross") return insideShape("plus", (x + y) * Math.SQRT1_2, (x - y) * Math.SQRT1_2);
  if (shape === "bar") return Math.abs(x) <= 0.58 && Math.abs(y) <= 1.3;
  return x * x + y * y <= 1;
}

/** Pixels that a point of this radius can touch to each side of its own. */
function reachOf(radius) {
  return Math.ceil(radius * 1.3) + 1;
}

/** Coverage stamps of one shape: for each sub-pixel position a list of dx, dy, coverage (1..255). */
export function makeStamps(shape, radius) {
  const reach = reachOf(radius);
  const stamps = [];
  for (let sy = 0; sy < SUB; sy++) {
    for (let sx = 0; sx < SUB; sx++) {
      const dots = [];
      const cx = (sx + 0.5) / SUB;
      const cy = (sy + 0.5) / SUB;
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          let hits = 0;
          for (let k = 0; k < 36; k++) {
            const x = (dx + ((k % 6) + 0.5) / 6 - cx) / radius;
            const y = (dy + (((k / 6) | 0) + 0.5) / 6 - cy) / radius;
            if (insideShape(shape, x, y)) hits++;
          }
          if (hits) dots.push(dx, dy, Math.round((hits * 255) / 36));
        }
      }
      stamps.push(Int16Array.from(dots));
    }
  }
  return stamps;
}

const stampCache = new Map();

function stampsFor(shape, radius) {
  const name = `${shape}${radius.toFixed(2)}`;
  let found = stampCache.get(name);
  if (!found) {
    if (stampCache.size > 128) stampCache.clear();
    found = makeStamps(shape, radius);
    stampCache.set(name, found);
  }
  return found;
}

/**
 * Draw points into `image` (an ImageData, cleared first).
 * `paint` holds for each point: `colour` (uint32, 0xbbggrr), `shape` (index into SHAPES), `shown` (whether it is drawn).
 * `selected` is a mask or null; with a mask, the points outside of it are drawn first and faint.
 * Not premultiplied, as ImageData wants it; opaque over anything and anything over empty are the two fast ways.
 */
export function splat(image, xy, paint, selected, view, radius, alpha, faint) {
  const { width, height } = image;
  const out = new Uint32Array(image.data.buffer);
  out.fill(0);
  const scaleX = width / (view.x1 - view.x0);
  const scaleY = height / (view.y1 - view.y0);
  const sets = []; // stamps of the shapes that are met: most maps have one or two, and a zoom asks for all anew
  const reach = reachOf(radius);
  const { colour, shape, shown } = paint;
  const passes = selected ? [0, 1] : [1];
  for (const pass of passes) {
    const strength = pass ? alpha : faint;
    for (let i = 0; i < shown.length; i++) {
      if (!shown[i] || (selected && selected[i] !== pass)) continue;
      const px = (xy[2 * i] - view.x0) * scaleX;
      const py = height - (xy[2 * i + 1] - view.y0) * scaleY;
      // Written so that NaN, an absent point, fails the test.
      if (!(px > -reach && px < width + reach && py > -reach && py < height + reach)) continue;
      const ix = Math.floor(px);
      const iy = Math.floor(py);
      const position = (((py - iy) * SUB) | 0) * SUB + (((px - ix) * SUB) | 0);
      const set = sets[shape[i]] ?? (sets[shape[i]] = stampsFor(SHAPES[shape[i]], radius));
      const stamp = set[position];
      const rgb = colour[i];
      const r = rgb & 255;
      const g = (rgb >>> 8) & 255;
      const b = rgb >>> 16;
      const whole = ix >= reach && ix < width - reach && iy >= reach && iy < height - reach;
      for (let k = 0; k < stamp.length; k += 3) {
        const x = ix + stamp[k];
        const y = iy + stamp[k + 1];
        if (!whole && (x < 0 || x >= width || y < 0 || y >= height)) continue;
        const a = (stamp[k + 2] * strength + 127) >> 8;
        if (!a) continue;
        const p = y * width + x;
        const below = out[p];
        const belowA = below >>> 24;
        if (belowA === 0 || a === 255) {
          out[p] = (a << 24) | (b << 16) | (g << 8) | r;
          continue;
        }
        const rest = ((belowA * (255 - a) + 127) / 255) | 0;
        const sum = a + rest;
        const share = a / sum;
        const red = below & 255;
        const green = (below >>> 8) & 255;
        const blue = (below >>> 16) & 255;
        out[p] =
          (sum << 24) |
          ((blue + (b - blue) * share + 0.5) << 16) |
          (((green + (g - green) * share + 0.5) & 255) << 8) |
          ((red + (r - red) * share + 0.5) & 255);
      }
    }
  }
}

/** Radius of a point in CSS pixels: smaller when there are many, larger when zoomed in. */
export function pointRadius(count, zoom) {
  const base = Math.min(4, Math.max(1.35, 11.5 / Math.max(1, count) ** 0.19));
  return base * Math.min(2.2, Math.max(0.9, zoom ** 0.3));
}
