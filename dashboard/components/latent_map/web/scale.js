// Points coloured by a number: the colours of its scale, and the bar that says what they mean.

const LEVELS = 256;
// Share of the scale that stands out from the page: its darkest colours vanish on a dark page, its lightest on a light one.
const SPAN = { dark: [0.25, 1], light: [0, 0.85] };

/** A colour "#rrggbb" as 0xbbggrr, the order in which a canvas keeps its bytes. */
function packed(colour) {
  const [r, g, b] = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
  return (b << 16) | (g << 8) | r;
}

/** Colours of a scale's stops, straight lines between them: [[r, g, b]] of the given length. */
export function shades(stops, [from, to], count) {
  const parts = stops.map((stop) => [1, 3, 5].map((k) => parseInt(stop.slice(k, k + 2), 16)));
  return Array.from({ length: count }, (_, k) => {
    const at = (from + ((to - from) * k) / Math.max(1, count - 1)) * (parts.length - 1);
    const low = Math.min(Math.floor(at), parts.length - 2);
    return parts[low].map((one, c) => Math.round(one + (parts[low + 1][c] - one) * (at - low)));
  });
}

/** Is the page dark? The relative luminance of its background, roughly, decides. */
function isDark(style) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = style.background;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

/** The 256 colours of the map's scales on this page, as "rgb(...)" and packed. */
function levelsOf(app) {
  const { signed, stops, dark_stops } = app.head.scale;
  const dark = isDark(app.style);
  const colours = shades(dark ? dark_stops : stops, signed ? [0, 1] : SPAN[dark ? "dark" : "light"], LEVELS);
  return { css: colours.map((one) => `rgb(${one})`), packed: colours.map(([r, g, b]) => (b << 16) | (g << 8) | r) };
}

/** Value -> level: the ends hold everything beyond them; where all values are alike, the middle. */
export function levelOf(value, low, high) {
  if (!(high > low)) return LEVELS >> 1;
  return Math.max(0, Math.min(LEVELS - 1, Math.floor(((value - low) / (high - low)) * LEVELS)));
}

/** Where the bar's numbers stand, and what they say: a sign tells that values lie beyond an end. */
function barTicks({ low, high, below, above }) {
  if (!(high > low)) return [[0.5, `all ${shortNumber(low)}`]];
  return [
    [0, `${below ? "\u2264 " : ""}${shortNumber(low)}`],
    [0.5, shortNumber((low + high) / 2)],
    [1, `${above ? "\u2265 " : ""}${shortNumber(high)}`],
  ];
}

/** The bar of a scale as an element of the legend. */
function colourBar(app, scale) {
  const bar = document.createElement("div");
  bar.className = "scale";
  const part = (name, text) => {
    const one = document.createElement("div");
    one.className = name;
    one.textContent = text;
    bar.append(one);
    return one;
  };
  part("scale-title", scale.title);
  if (scale.low !== null) {
    const { css } = app.levels;
    const picked = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((k) => css[k]);
    part("strip", "").style.background = `linear-gradient(to right, ${picked.join(", ")})`;
    const ticks = part("scale-ticks", "");
    const texts = barTicks(scale);
    ticks.classList.toggle("alone", texts.length === 1);
    for (const [, text] of texts) ticks.append(Object.assign(document.createElement("span"), { textContent: text }));
  }
  part("scale-note", [scale.note, scale.missing ? `${scale.missing.toLocaleString("en")} without a value: grey crosses` : ""].filter(Boolean).join("; "));
  const numbers = scale.low === null ? "no values" : barTicks(scale).map((tick) => tick[1]).join(" to ");
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", `Colour bar of ${scale.title}: ${numbers}; ${scale.note}`);
  return bar;
}

const BAR = { width: 260, height: 62 };

/** The bar of a scale in the downloaded picture, its upper left corner at the origin. */
function paintBar(app, context, scale) {
  context.fillStyle = app.style.text;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.fillText(scale.title, 0, 8);
  if (scale.low !== null) {
    const shade = context.createLinearGradient(0, 0, BAR.width, 0);
    app.levels.css.forEach((colour, k) => shade.addColorStop(k / (LEVELS - 1), colour));
    context.fillStyle = shade;
    context.fillRect(0, 20, BAR.width, 10);
    context.fillStyle = app.style.text;
    for (const [at, text] of barTicks(scale)) {
      context.textAlign = at === 0 ? "left" : at === 1 ? "right" : "center";
      context.fillText(text, at * BAR.width, 40);
    }
  }
  context.textAlign = "left";
  context.fillText(scale.note, 0, 57);
}

/** The numbers of the points, each once: [{ whose, values }]; more than one where panels have their own. */
function numbersOf(app) {
  const known = new Map(app.panels.filter((panel) => panel.values).map((panel) => [panel.spec.values, panel]));
  return [...known.values()].map((panel) => ({ whose: panel.spec.whose, values: panel.values }));
}

/** A point's value as people read it, of each run where they have their own; null where points have none. */
function valueText(app, i) {
  const { scale } = app.head;
  if (!scale) return null;
  const texts = numbersOf(app).map(({ whose, values }) => `${whose} ${values[i] === values[i] ? shortNumber(values[i]) : "no value"}`.trim());
  const unit = texts.every((text) => text.endsWith("no value")) ? "" : scale.unit;
  return `${scale.name}: ${texts.join(", ")} ${unit}`.trim();
}
