// Pointer, wheel and keys of one panel. A press becomes a drag after 4 px; else it is a click when it is released.

const THRESHOLD = 4;
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function place(app, event) {
  const box = app.stage.getBoundingClientRect();
  const zoom = zoomOnPage(app);
  return [(event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom];
}

function hitTest(app, panel, x, y) {
  return nearest((visit) => eachVisible(app, panel, visit), x, y, Math.max(7, panel.radius + 3));
}

function attach(app, panel) {
  const { el } = panel;
  el.onpointerdown = (event) => press(app, panel, event);
  el.onpointermove = (event) => move(app, panel, event);
  el.onpointerup = (event) => release(app, panel, event);
  el.onpointercancel = () => dropDrag(app);
  el.onpointerleave = () => !app.drag && setHover(app, -1, null);
  el.onkeydown = (event) => pressKey(app, panel, event);
  el.onblur = () => setHover(app, -1, null);
  // Not as a property: the browser would take it for passive and scroll the page as well.
  el.addEventListener("wheel", (event) => turnWheel(app, panel, event), { passive: false });
}

function press(app, panel, event) {
  if (event.button !== 0) return;
  panel.el.focus({ preventScroll: true });
  panel.el.setPointerCapture(event.pointerId);
  const start = place(app, event);
  const away = event.altKey && event.shiftKey;
  const mode = away ? "lasso" : event.altKey ? "box" : event.shiftKey ? "lasso" : app.state.mode;
  app.drag = { panel, mode, away, start, last: start, path: [start], moved: false };
}

function move(app, panel, event) {
  const [x, y] = place(app, event);
  const { drag } = app;
  if (!drag || drag.panel !== panel) {
    setHover(app, hitTest(app, panel, x, y), panel, [x, y]);
    return;
  }
  if (!drag.moved && Math.hypot(x - drag.start[0], y - drag.start[1]) < THRESHOLD) return;
  if (!drag.moved) {
    drag.moved = true;
    panel.el.dataset.drag = drag.mode;
    setHover(app, -1, null);
  }
  if (drag.mode === "pan") {
    const { view, rect } = panel;
    const dx = ((drag.last[0] - x) / rect.w) * (view.x1 - view.x0);
    const dy = ((y - drag.last[1]) / rect.h) * (view.y1 - view.y0);
    setView(app, panel, { x0: view.x0 + dx, x1: view.x1 + dx, y0: view.y0 + dy, y1: view.y1 + dy });
  } else {
    drag.path.push([x, y]);
    redraw(app, { panel, over: true });
  }
  drag.last = [x, y];
}

function release(app, panel, event) {
  const { drag } = app;
  if (!drag || drag.panel !== panel) return;
  dropDrag(app);
  const more = event.ctrlKey || event.metaKey;
  const [x, y] = place(app, event);
  if (!drag.moved) {
    clickAt(app, panel, x, y, more);
  } else if (drag.mode !== "pan") {
    const mask = enclosed(app, panel, drag);
    if (drag.away) app.selected.forEach((one, i) => (mask[i] = one && !mask[i]));
    else if (more) app.selected.forEach((one, i) => (mask[i] |= one));
    select(app, mask);
  }
  setHover(app, hitTest(app, panel, x, y), panel, [x, y]);
}

function dropDrag(app) {
  if (!app.drag) return;
  const { panel } = app.drag;
  app.drag = null;
  delete panel.el.dataset.drag;
  redraw(app, { panel, over: true });
}

/** Mask of the shown points within a box or lasso; decided in data coordinates, in float64. */
function enclosed(app, panel, drag) {
  const corners = drag.mode === "lasso" ? drag.path : [drag.start, drag.last];
  const polygon = corners.map(([x, y]) => toData(panel, x, y));
  const xs = polygon.map((corner) => corner[0]);
  const ys = polygon.map((corner) => corner[1]);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const mask = new Uint8Array(app.ids.length);
  eachVisible(app, panel, (i) => {
    const x = panel.xy[2 * i];
    const y = panel.xy[2 * i + 1];
    if (x < x0 || x > x1 || y < y0 || y > y1) return;
    if (drag.mode === "box" || insidePolygon(x, y, polygon)) mask[i] = 1;
  });
  return mask;
}

/** A click selects a point and reports it; beside the points it reports the place. */
function clickAt(app, panel, x, y, more) {
  const hit = hitTest(app, panel, x, y);
  if (hit >= 0) {
    clickPoint(app, panel, hit, more);
    return;
  }
  // What a lasso gathered stays until Esc; a single clicked point gives way to the clicked place.
  if (app.selectedCount === 1) select(app, null);
  if (!panel.spec.clickable_empty) return;
  const [px, py] = toData(panel, x, y);
  app.emit("empty", { panel: panel.spec.id, x: px, y: py, revision: app.head.revision });
}

function clickPoint(app, panel, index, more) {
  const mask = more ? app.selected.slice() : new Uint8Array(app.ids.length);
  mask[index] = more ? 1 - mask[index] : 1;
  select(app, mask);
  if (!more) app.emit("click", { panel: panel.spec.id, id: app.ids[index], revision: app.head.revision });
}

/** The wheel zooms with Ctrl (or Cmd) or when the panel has the focus; else the page scrolls. */
function turnWheel(app, panel, event) {
  const focused = panel.el.getRootNode().activeElement === panel.el;
  if (!(event.ctrlKey || event.metaKey || focused)) {
    panel.hint.classList.add("seen");
    clearTimeout(panel.hinting);
    panel.hinting = setTimeout(() => panel.hint.classList.remove("seen"), 900);
    return;
  }
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 200 : 1);
  const factor = Math.exp(-Math.max(-240, Math.min(240, pixels)) * 0.002);
  const [x, y] = place(app, event);
  zoomView(app, panel, factor, x, y);
  setHover(app, hitTest(app, panel, x, y), panel, [x, y]);
}

function pressKey(app, panel, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const { key } = event;
  if (ARROWS[key]) stepHover(app, panel, ...ARROWS[key]);
  else if ((key === "Enter" || key === " ") && app.hover >= 0) clickPoint(app, panel, app.hover, event.shiftKey);
  else if (key === "Escape" && app.drag) dropDrag(app);
  else if (key === "Escape") select(app, null);
  else if (key === "+" || key === "=") sayZoom(app, panel, () => zoomView(app, panel, 1.4));
  else if (key === "-") sayZoom(app, panel, () => zoomView(app, panel, 1 / 1.4));
  else if (key === "0") sayZoom(app, panel, () => resetView(app, panel));
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function sayZoom(app, panel, change) {
  change();
  say(app, `Zoom ${shortNumber(zoomOf(panel))} times`);
}

function stepHover(app, panel, ux, uy) {
  const { rect, xy } = panel;
  const each = (visit) => eachVisible(app, panel, visit);
  const from = app.hover;
  let next;
  if (from < 0 || app.hoverPanel !== panel) {
    next = nearest(each, rect.x + rect.w / 2, rect.y + rect.h / 2, Infinity);
  } else {
    const [x, y] = toStage(panel, xy[2 * from], xy[2 * from + 1]);
    next = stepFrom(each, from, x, y, ux, uy);
  }
  if (next < 0) return;
  setHover(app, next, panel);
  const [x, y] = [xy[2 * next], xy[2 * next + 1]];
  const parts = [className(app, app.cls[next]), `id ${knownNumber(app, next)}`, shortNumber(x), shortNumber(y), valueText(app, next)];
  say(app, `${parts.filter(Boolean).join(", ")}${app.selected[next] ? ", selected" : ""}`);
}
