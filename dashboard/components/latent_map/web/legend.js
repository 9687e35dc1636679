// Classes, markers, tools and words around the map. Names come from people: they are set as text, never as HTML.

const GREY = "#8f96a3"; // no label; readable on light and dark
const UNLABELLED = 255;

/** The number by which people know a point: the lower bits of its id, where the upper ones tell sources apart. */
function knownNumber(app, i) {
  return app.ids[i] % 2 ** app.head.id_bits;
}

function className(app, type) {
  return type === UNLABELLED ? "no label" : app.head.classes[type];
}

function classColour(app, type) {
  return type === UNLABELLED ? GREY : app.head.colours[type % app.head.colours.length];
}

/** Class and marker -> shape: more classes than colours repeat the colours with the next shape. */
function shapeIndex(app, type, marker) {
  const lap = type === UNLABELLED ? 0 : Math.floor(type / app.head.colours.length);
  return (lap + marker) % SHAPES.length;
}

/** One small number per point, class x marker, and how each is drawn. */
function buildLook(app) {
  const { cls, mk } = app;
  app.kind = new Uint16Array(cls.length);
  app.counts = new Map();
  for (let i = 0; i < cls.length; i++) {
    app.kind[i] = cls[i] * 4 + (mk ? mk[i] : 0);
    for (const name of mk ? [`c${cls[i]}`, `m${mk[i]}`] : [`c${cls[i]}`]) {
      app.counts.set(name, (app.counts.get(name) ?? 0) + 1);
    }
  }
  const look = { shape: new Uint8Array(1024), shown: new Uint8Array(1024) };
  for (const part of ["red", "green", "blue"]) look[part] = new Uint8Array(1024);
  for (let kind = 0; kind < 1024; kind++) {
    const colour = classColour(app, kind >> 2) ?? GREY;
    look.shape[kind] = shapeIndex(app, kind >> 2, kind & 3);
    look.red[kind] = parseInt(colour.slice(1, 3), 16);
    look.green[kind] = parseInt(colour.slice(3, 5), 16);
    look.blue[kind] = parseInt(colour.slice(5, 7), 16);
  }
  app.look = look;
  applyHidden(app);
}

function applyHidden(app) {
  const hidden = new Set(app.state.hidden);
  for (let kind = 0; kind < 1024; kind++) {
    app.look.shown[kind] = !hidden.has(`c${kind >> 2}`) && !hidden.has(`m${kind & 3}`);
  }
}

/** What the legend lists: [name in the state, text, colour or null, shape]. */
function legendEntries(app) {
  if (!app.ids.length) return [[], []];
  const classes = app.head.classes.map((name, k) => [`c${k}`, name, classColour(app, k), shapeIndex(app, k, 0)]);
  if (app.counts.has(`c${UNLABELLED}`)) classes.push([`c${UNLABELLED}`, "no label", GREY, 0]);
  const markers = app.mk && app.head.markers.length > 1 ? app.head.markers : [];
  return [classes, markers.map((name, k) => [`m${k}`, name, null, k])];
}

const OUTLINES = [
  "M6 1.5a4.5 4.5 0 1 0 .001 0z",
  "M6 1L11 10.5H1z",
  "M2 2h8v8H2z",
  "M6 .5L11.5 6 6 11.5.5 6z",
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
  app.legend.replaceChildren(...groups);
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
  if (app.hover >= 0 && !app.look.shown[app.kind[app.hover]]) setHover(app, -1, null);
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
  app.root.querySelector(".count").textContent = app.selectedCount ? `${some} of ${all} points selected` : `${all} points`;
  app.root.querySelector(".clear").hidden = !app.selectedCount;
  app.root.dataset.selected = String(app.selectedCount);
}

function showMode(app) {
  for (const button of app.root.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === app.state.mode));
  }
  app.root.dataset.tool = app.state.mode;
}

function say(app, text) {
  app.root.querySelector(".live").textContent = text;
}
