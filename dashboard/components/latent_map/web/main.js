// One map: its elements, its data, when what is drawn, and the entry that Streamlit calls.

const APPS = new WeakMap(); // root element -> app; Streamlit calls the entry again when data or theme change
const LIVE = new Set(); // all apps in use: when a graphics card goes, they are drawn anew
const FAINT = 51; // of 256: points outside of a selection

function makeApp(root) {
  const find = (name) => root.querySelector(name);
  const app = { root, panels: [], hover: -1, hoverPanel: null, tile: null, rest: null, drag: null, room: 0, width: 0, dpr: 1, cache: new Map(), dirty: new Map() };
  app.stage = find(".stage");
  for (const name of ["frame", "points", "over", "tip", "legend", "thumb"]) app[name] = find(`.${name}`);
  app.panelsElement = find(".panels");
  for (const button of root.querySelectorAll("[data-mode]")) button.onclick = () => setMode(app, button.dataset.mode);
  find("[data-save=png]").onclick = () => savePicture(app);
  find("[data-save=csv]").onclick = () => saveTable(app);
  find(".clear").onclick = () => select(app, null);
  find(".back").onclick = () => selectBefore(app);
  // In braces: a handler that returns false cancels the key, and Tab and Enter belong to the browser.
  root.onkeydown = (event) => {
    if (event.key === "Escape") select(app, null);
  };
  // A hidden tab mounts with no width; browser zoom changes the pixel ratio without changing the width much.
  app.observer = new ResizeObserver(() => resize(app));
  app.body = find(".body");
  app.observer.observe(app.body);
  app.onresize = () => resize(app);
  window.addEventListener("resize", app.onresize);
  app.onleave = () => storeState(app);
  window.addEventListener("pagehide", app.onleave);
  LIVE.add(app);
  document.fonts?.ready.then(() => redraw(app, { frame: true, over: true }));
  root.__latentMap = makeHook(app);
  return app;
}

function dispose(app) {
  app.observer.disconnect();
  window.removeEventListener("resize", app.onresize);
  cancelAnimationFrame(app.waiting);
  window.removeEventListener("pagehide", app.onleave);
  APPS.delete(app.root);
  LIVE.delete(app);
  dropBuffers(app);
}

/** Colours and font of the theme, resolved to what a canvas understands. */
function readStyle(root) {
  const css = getComputedStyle(root);
  const get = (name, fallback) => css.getPropertyValue(name).trim() || fallback;
  return {
    text: get("--st-text-color", "#31333f"),
    background: get("--st-background-color", "#ffffff"),
    primary: get("--st-primary-color", "#3b7dd8"),
    font: get("--st-font", "sans-serif"),
  };
}

/** A section's array; the bytes are copied only when its hash is new. */
function section(app, sections, name) {
  const entry = sections.get(name);
  if (!entry) return null;
  const known = app.cache.get(name);
  if (known?.hash === entry.hash) return known.array;
  const array = entry.read();
  app.cache.set(name, { hash: entry.hash, array });
  return array;
}

function update(app, bytes) {
  const { head, sections } = unpack(bytes);
  app.head = head;
  app.state = stateOf(head.key);
  app.style = readStyle(app.root);
  const before = app.ids && app.hover >= 0 ? app.ids[app.hover] : null;
  app.ids = section(app, sections, "ids");
  app.cls = section(app, sections, "cls");
  app.mk = section(app, sections, "mk");
  reconcile(app, sections);
  buildPanels(app, sections);
  loadSheets(app);
  loadLattices(app);
  buildLegend(app);
  showStatus(app);
  showMode(app);
  app.root.dataset.key = head.key;
  // The point under the pointer stays hovered when it is still there.
  app.hover = before === null ? -1 : app.ids.indexOf(before);
  if (app.hover < 0 || !app.panels.includes(app.hoverPanel)) {
    const rest = app.panels.includes(app.rest?.panel) ? app.rest : null;
    setHover(app, -1, rest?.panel ?? null, rest?.at);
  }
  for (const name of app.cache.keys()) if (!sections.has(name)) app.cache.delete(name);
  app.fresh = true;
  resize(app, true);
  refreshTile(app);
  showTip(app);
  reportSelection(app);
}

function buildPanels(app, sections) {
  const kept = new Map(app.panels.map((panel) => [panel.spec.id, panel]));
  app.panels = app.head.panels.map((spec) => {
    const panel = kept.get(spec.id) ?? newPanel(app);
    panel.spec = spec;
    panel.xy = section(app, sections, `xy:${spec.id}`);
    panel.values = spec.values ? section(app, sections, spec.values) : null;
    panel.home = homeView(panel);
    const touched = app.state.views[spec.id];
    panel.view = touched ? { x0: touched[0], x1: touched[1], y0: touched[2], y1: touched[3] } : panel.home;
    panel.title.textContent = spec.title;
    panel.title.title = spec.title;
    panel.el.setAttribute("aria-label", spec.alt || `${spec.title}: ${spec.x_title} against ${spec.y_title}`);
    loadPicture(app, panel, sections.get(`image:${spec.id}`));
    return panel;
  });
  for (const panel of kept.values()) if (!app.panels.includes(panel)) dropPanelBuffers(panel);
  const wanted = app.panels.flatMap((panel) => [panel.header, panel.el]);
  // Elements in place are left alone: moving one would take its focus.
  const shown = [...app.panelsElement.children];
  if (wanted.length !== shown.length || wanted.some((el, k) => el !== shown[k])) app.panelsElement.replaceChildren(...wanted);
  buildLook(app);
}

function newPanel(app) {
  const template = document.createElement("template");
  template.innerHTML = `<div class="header"><div class="title"></div><div class="zoom">
    <button type="button" title="Zoom in (+)" aria-label="Zoom in">+</button>
    <button type="button" title="Zoom out (-)" aria-label="Zoom out">&minus;</button>
    <button type="button" title="Show all (0)" aria-label="Reset view"><svg viewBox="0 0 16 16"><path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" /></svg></button>
    </div></div><div class="panel" tabindex="0" role="application" aria-roledescription="scatter plot" aria-describedby="keys"><div class="hint">Ctrl + wheel, or click first, to zoom</div></div>`;
  const panel = { header: template.content.children[0], el: template.content.children[1], picture: null };
  panel.title = panel.header.querySelector(".title");
  panel.hint = panel.el.querySelector(".hint");
  const [zoomIn, zoomOut, all] = panel.header.querySelectorAll("button");
  zoomIn.onclick = () => zoomView(app, panel, 1.5);
  zoomOut.onclick = () => zoomView(app, panel, 1 / 1.5);
  all.onclick = () => resetView(app, panel);
  attach(app, panel);
  return panel;
}

function resize(app, forced) {
  const room = app.body.clientWidth;
  const dpr = (window.devicePixelRatio || 1) * zoomOnPage(app);
  if (!room || !app.head || (!forced && room === app.room && dpr === app.dpr)) return;
  app.room = room;
  app.dpr = dpr;
  layout(app);
  for (const panel of app.panels) {
    panel.size = [Math.round(panel.rect.w * dpr), Math.round(panel.rect.h * dpr)];
  }
  redraw(app, { frame: true, points: true, over: true });
}

/** Ask for layers to be drawn at the next frame; `panel` missing means all. */
function redraw(app, { panel, frame, points, over }) {
  for (const one of panel ? [panel] : app.panels) {
    const wish = app.dirty.get(one) ?? {};
    app.dirty.set(one, { frame: wish.frame || frame, points: wish.points || points, over: wish.over || over });
  }
  app.waiting ??= requestAnimationFrame(() => flush(app));
}

function flush(app) {
  cancelAnimationFrame(app.waiting);
  app.waiting = null;
  if (!app.width) return;
  for (const [panel, wish] of app.dirty) {
    if (!app.panels.includes(panel)) continue;
    if (wish.frame) drawFrame(app, panel);
    if (wish.points) drawPoints(app, panel);
    if (wish.over) drawOverlay(app, panel);
  }
  app.dirty.clear();
  if (app.root.dataset.ready !== "true") takeOwnHeight(app.root);
  app.root.dataset.ready = "true";
  app.root.dataset.rev = app.head.revision;
  if (app.fresh) app.root.dataset.draws = String(Number(app.root.dataset.draws ?? 0) + 1);
  app.fresh = false;
}

function drawPoints(app, panel) {
  const { dpr } = app;
  panel.radius = pointRadius(app.ids.length, zoomOf(panel));
  const mask = app.selectedCount > 1 ? app.selected : null; // one point has its ring; the others keep their colours
  const alpha = app.ids.length > 20000 ? 150 : app.ids.length > 2500 ? 205 : 230; // of 256: density shows through
  const wish = { xy: panel.xy, paint: panel.paint, mask, view: panel.view, radius: panel.radius * dpr, alpha, faint: FAINT };
  const context = app.points.getContext("2d");
  const [x, y] = [Math.round(panel.rect.x * dpr), Math.round(panel.rect.y * dpr)];
  const [w, h] = panel.size;
  const drawn = backendOf(app) === "webgl" ? drawOnCard(app, panel, wish) : null;
  app.root.dataset.backend = drawn ? "webgl" : "splat";
  if (drawn) {
    panel.image = null;
    context.clearRect(x, y, w, h);
    context.drawImage(drawn.canvas, drawn.x, drawn.y, w, h, x, y, w, h);
    return;
  }
  if (panel.image?.width !== w || panel.image?.height !== h) panel.image = new ImageData(w, h);
  splat(panel.image, wish.xy, wish.paint, mask, wish.view, wish.radius, alpha, FAINT);
  context.putImageData(panel.image, x, y);
}

/** Hover a point, or none (-1); `at` is where on the stage the pointer rests then, null where it is elsewhere. */
function setHover(app, index, panel, at = null) {
  const old = { hover: app.hover, panel: app.hoverPanel, tile: app.tile };
  app.hover = index;
  app.hoverPanel = panel;
  app.root.dataset.hover = index >= 0 ? String(app.ids[index]) : "";
  if (panel) panel.el.classList.toggle("over-point", index >= 0);
  setTile(app, panel, index < 0 ? at : null);
  const same = old.hover === index && old.panel === panel;
  if (same && !app.tile && !old.tile) return;
  showTip(app); // a tile's tip goes with the pointer
  if (!same || !sameTile(old.tile, app.tile)) redraw(app, { over: true });
}

export default function latentMap({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector("[data-testid=latent-map]");
  if (!root || !data) return undefined;
  let app = APPS.get(root);
  if (!app) {
    app = makeApp(root);
    APPS.set(root, app);
  }
  app.emit = setTriggerValue;
  update(app, data);
  // Streamlit may take the element out and put it back within a task: only what is gone by then is let go.
  return () => setTimeout(() => root.isConnected || dispose(app), 0);
}
