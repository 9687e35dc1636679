// Classes, markers, tools and words around the map. Names come from people: they are set as text, never as HTML.

const UNLABELLED = 255;
const CROSS = 6; // the shape of a point without a value

/** The number by which people know a point: the lower bits of its id, where the upper ones tell sources apart. */
function knownNumber(app, i) {
  return app.ids[i] % 2 ** app.head.id_bits;
}

function className(app, type) {
  return type === UNLABELLED ? "no label" : app.head.classes[type];
}

function classColour(app, type) {
  return type === UNLABELLED ? app.head.unlabelled : app.head.colours[type % app.head.colours.length];
}

function markerColour(app, marker) {
  return app.head.marker_colours[marker % app.head.marker_colours.length];
}

/** Class and marker -> shape: more classes than colours repeat the colours with shapes that no earlier one has. */
export function shapeIndex(app, type, marker) {
  const coloured = app.head.colour === "classes" && type !== UNLABELLED;
  const lap = coloured ? Math.floor(type / app.head.colours.length) : 0;
  const each = app.mk ? Math.max(1, app.head.markers.length) : 1;
  return (lap * each + marker) % SHAPES.length;
}

/** What one point looks like in a panel: { colour (packed), shape }. */
function lookOf(app, panel, i) {
  const marker = app.mk ? app.mk[i] : 0;
  const shape = shapeIndex(app, app.cls[i], marker);
  if (app.head.colour === "markers") return { colour: packed(markerColour(app, marker)), shape };
  if (app.head.colour === "classes") return { colour: packed(classColour(app, app.cls[i])), shape };
  const value = panel.values[i];
  if (value !== value) return { colour: packed(app.head.unlabelled), shape: CROSS };
  const { low, high } = app.head.bars[panel.spec.bar];
  return { colour: app.levels.packed[levelOf(value, low, high)], shape };
}

/** The colour that a point has in a panel, for the page's elements. */
function pointColour(panel, i) {
  const colour = panel.paint.colour[i];
  return `rgb(${colour & 255}, ${(colour >>> 8) & 255}, ${colour >>> 16})`;
}

/** How each point is drawn in a panel: { colour, shape }, one entry a point. */
function makeLook(app, panel) {
  const { cls, mk } = app;
  const count = cls.length;
  const made = { colour: new Uint32Array(count), shape: new Uint8Array(count) };
  const known = new Map(); // a look of classes and markers is worked out once
  for (let i = 0; i < count; i++) {
    const kind = cls[i] * SHAPES.length + (mk ? mk[i] : 0);
    const look = panel.values ? lookOf(app, panel, i) : (known.get(kind) ?? lookOf(app, panel, i));
    known.set(kind, look);
    made.colour[i] = look.colour;
    made.shape[i] = look.shape;
  }
  return made;
}

/** How each point is drawn, and how many there are of each class and marker. */
function buildLook(app) {
  const { cls, mk, head } = app;
  app.levels = head.scale ? levelsOf(app) : null;
  const looks = new Map(); // panels of the same numbers, or of none, share a look
  for (const panel of app.panels) {
    const name = `${panel.spec.values}|${panel.spec.bar}`;
    if (!looks.has(name)) looks.set(name, makeLook(app, panel));
    panel.look = looks.get(name);
  }
  app.counts = new Map();
  const tally = (letter, codes) => {
    const many = new Uint32Array(256);
    for (const code of codes) many[code]++;
    many.forEach((number, code) => number && app.counts.set(letter + code, number));
  };
  tally("c", cls);
  if (mk) tally("m", mk);
  applyHidden(app);
}

/** Mark which points are shown, in all panels alike. A new array tells a renderer that it has changed. */
function applyHidden(app) {
  const { cls, mk } = app;
  const shown = new Uint8Array(cls.length);
  const hidden = new Uint8Array(512);
  for (const name of app.state.hidden) hidden[(name[0] === "m" ? 256 : 0) + Number(name.slice(1))] = 1;
  for (let i = 0; i < cls.length; i++) shown[i] = hidden[cls[i]] || (mk && hidden[256 + mk[i]]) ? 0 : 1;
  app.paint = { shown };
  for (const panel of app.panels) panel.paint = { ...panel.look, shown };
}

/** What the legend lists: [name in the state, text, colour or null, shape]. */
function legendEntries(app) {
  if (!app.ids.length) return [[], []];
  const by = app.head.colour;
  const tint = (k) => (by === "classes" ? classColour(app, k) : null);
  const classes = app.head.classes.map((name, k) => [`c${k}`, name, tint(k), shapeIndex(app, k, 0)]);
  if (app.counts.has(`c${UNLABELLED}`)) classes.push([`c${UNLABELLED}`, "no label", tint(UNLABELLED), 0]);
  const markers = app.mk && (by === "markers" || app.head.markers.length > 1) ? app.head.markers : [];
  return [classes, markers.map((name, k) => [`m${k}`, name, by === "markers" ? markerColour(app, k) : null, k])];
}

// In the order of SHAPES.
const OUTLINES = [
  "M6 1.5a4.5 4.5 0 1 0 .001 0z",
  "M6 1L11 10.5H1z",
  "M2 2h8v8H2z",
  "M6 .5L11.5 6 6 11.5.5 6z",
  "M4.3 .8h3.4v3.5h3.5v3.4H7.7v3.5H4.3V7.7H.8V4.3h3.5z",
  "M6 11L11 1.5H1z",
  "M2.3 .2L6 3.9 9.7 .2 11.8 2.3 8.1 6l3.7 3.7-2.1 2.1L6 8.1l-3.7 3.7L.2 9.7 3.9 6 .2 2.3z",
  "M3.8 .8h4.4v10.4H3.8z",
];

function chip(app, [name, text, colour, shape]) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.dataset.name = name;
  button.title = "Click to hide or show, double click to show alone";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 12 12");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", OUTLINES[shape]);
  path.setAttribute("fill", colour ?? "currentColor");
  if (!colour && name[0] === "c") path.setAttribute("fill-opacity", "0.45"); // a filter here, not a colour
  svg.append(path);
  const words = document.createElement("span");
  words.textContent = text;
  const count = document.createElement("span");
  count.className = "many";
  count.textContent = (app.counts.get(name) ?? 0).toLocaleString("en");
  button.append(svg, words, count);
  button.onclick = () => toggle(app, name);
  button.ondblclick = () => isolate(app, name);
  return button;
}

function buildLegend(app) {
  const groups = legendEntries(app)
    .filter((entries) => entries.length)
    .map((entries) => {
      const group = document.createElement("div");
      group.className = "chips";
      group.append(...entries.map((entry) => chip(app, entry)));
      return group;
    });
  const bars = app.ids.length ? app.head.bars.map((bar) => colourBar(app, bar)) : [];
  app.legend.replaceChildren(...bars, ...groups);
  showLegend(app);
}

function showLegend(app) {
  const hidden = new Set(app.state.hidden);
  for (const button of app.legend.querySelectorAll(".chip")) {
    button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.name)));
  }
}

function setHidden(app, names) {
  app.state.hidden = names;
  keepState(app);
  applyHidden(app);
  showLegend(app);
  showStatus(app);
  if (app.hover >= 0 && !app.paint.shown[app.hover]) setHover(app, -1, null);
  redraw(app, { points: true, over: true });
}

function toggle(app, name) {
  const hidden = app.state.hidden;
  setHidden(app, hidden.includes(name) ? hidden.filter((other) => other !== name) : [...hidden, name]);
}

/** Show one of its group alone; where it is alone already, show all again. */
function isolate(app, name) {
  const group = legendEntries(app).flat().map((entry) => entry[0]).filter((other) => other[0] === name[0]);
  const others = group.filter((other) => other !== name);
  const hidden = app.state.hidden.filter((other) => other[0] !== name[0]);
  const alone = !app.state.hidden.includes(name) && others.every((other) => app.state.hidden.includes(other));
  setHidden(app, alone ? hidden : [...hidden, ...others]);
}

function showStatus(app) {
  const all = app.ids.length.toLocaleString("en");
  const some = app.selectedCount.toLocaleString("en");
  // A map without points is a picture: it has a place to click, and nothing to select or to list.
  app.root.classList.toggle("bare", !app.ids.length);
  let unseen = 0;
  if (app.selectedCount) app.selected.forEach((one, i) => (unseen += one && !app.paint.shown[i]));
  const hidden = unseen ? `, ${unseen.toLocaleString("en")} of them hidden` : "";
  app.root.querySelector(".count").textContent = app.selectedCount ? `${some} of ${all} points selected${hidden}` : `${all} points`;
  app.root.querySelector(".clear").hidden = !app.selectedCount;
  app.root.querySelector(".back").hidden = !app.state.before || app.state.before === app.state.bits;
  app.root.dataset.selected = String(app.selectedCount);
}

function showMode(app) {
  for (const button of app.root.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === app.state.mode));
  }
  app.root.dataset.tool = app.state.mode;
}

/** Let a screen reader say it. The same words twice are said twice only where the text differs. */
function say(app, text) {
  const live = app.root.querySelector(".live");
  live.textContent = live.textContent === text ? `${text}\u00a0` : text;
}
