// Where panels stand, what part of their data they show, and the layer under the points: grid, axes, picture.

const GAP = 20;
const HEADER = 30; // title and zoom buttons
const NARROWEST = 300; // a panel below this width gets a row of its own
const ASIDE = 170; // width that lets the legend stand beside the panels
const ASIDE_ROWS = 15;
const TALL = 1200; // CSS pixels: windows above this height let the panels grow with them

/** Place the panels for this width. Positions are whole device pixels, so that lines and points are sharp. */
function layout(app) {
  const { head, panels } = app;
  const { dpr } = app;
  const width = app.room;
  const fits = Math.max(1, Math.floor((width + GAP) / (NARROWEST + GAP)));
  const columns = Math.min(head.columns, panels.length, fits);
  const cell = (width - GAP * (columns - 1)) / columns;
  const left = width < 480 ? 44 : 52;
  const right = 14;
  const bottom = 42;
  // on a window of 2,160 px the panels may be nearly twice as high as on one of 1,200 or less
  const allowed = head.height * (app.tall / TALL);
  const tallest = Math.max(80, allowed - HEADER - bottom);
  const snap = (value) => Math.round(value * dpr) / dpr;
  const squares = panels.every((panel) => panel.spec.square);
  const room = Math.max(60, cell - left - right);
  const plotHeight = Math.min(tallest, squares ? room : Math.max(room * 0.75, 220));
  // Square panels stand side by side at the left instead of being pulled apart by a wide page.
  const used = squares ? Math.min(cell, Math.min(room, plotHeight) + left + right) : cell;
  const block = columns * used + GAP * (columns - 1);
  const chips = app.legend.querySelectorAll(".chip").length;
  const roomy = width - block >= ASIDE;
  const aside = roomy && ((chips > 1 && chips <= ASIDE_ROWS) || (app.head.scale !== null && chips <= 1));
  app.root.dataset.legend = aside ? "aside" : "below";
  app.width = aside || width - block > ASIDE ? block : width;
  const row = HEADER + plotHeight + bottom;
  panels.forEach((panel, k) => {
    const side = Math.min(room, plotHeight);
    panel.rect = {
      x: snap((k % columns) * (used + GAP) + left),
      y: snap(Math.floor(k / columns) * (row + 8) + HEADER),
      w: snap(panel.spec.square ? side : room),
      h: snap(panel.spec.square ? side : plotHeight),
    };
    panel.left = left;
    placePanel(panel);
  });
  app.height = snap(Math.ceil(panels.length / columns) * (row + 8) - 8);
  app.stage.style.width = `${app.width}px`;
  app.stage.style.height = `${app.height}px`;
  app.root.querySelector(".bar").style.maxWidth = `${app.width}px`;
  for (const canvas of [app.frame, app.points, app.over]) {
    canvas.width = Math.round(app.width * dpr);
    canvas.height = Math.round(app.height * dpr);
    canvas.style.width = `${canvas.width / dpr}px`;
    canvas.style.height = `${canvas.height / dpr}px`;
  }
}

function placePanel(panel) {
  const { x, y, w, h } = panel.rect;
  Object.assign(panel.el.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
  Object.assign(panel.header.style, { left: `${x}px`, top: `${y - HEADER}px`, width: `${w}px` });
}

/** The view of an untouched panel: its domain, or all of its points and draws. */
function homeView(panel) {
  const { domain, square } = panel.spec;
  return fit(domain ?? boundsOf([panel.xy, panel.spec.draws.flat()]), square, domain ? 0.03 : 0.05);
}

/** Take a new view, and remember it: from now on new data do not refit this panel. */
function setView(app, panel, view) {
  const home = panel.home;
  const width = home.x1 - home.x0;
  const zoom = width / (view.x1 - view.x0);
  if (!(zoom > 0.04 && zoom < 20000)) return;
  panel.view = view;
  app.state.views[panel.spec.id] = [view.x0, view.x1, view.y0, view.y1];
  keepState(app);
  redraw(app, { panel, frame: true, points: true, over: true });
  refreshTile(app);
}

function resetView(app, panel) {
  delete app.state.views[panel.spec.id];
  panel.view = panel.home;
  keepState(app);
  redraw(app, { panel, frame: true, points: true, over: true });
  refreshTile(app);
}

/** Zoom by a factor about a place of the stage (default: the middle of the panel). */
function zoomView(app, panel, factor, x, y) {
  const { rect, view } = panel;
  const [dx, dy] = toData(panel, x ?? rect.x + rect.w / 2, y ?? rect.y + rect.h / 2);
  const about = (value, centre) => centre + (value - centre) / factor;
  setView(app, panel, {
    x0: about(view.x0, dx),
    x1: about(view.x1, dx),
    y0: about(view.y0, dy),
    y1: about(view.y1, dy),
  });
}

function zoomOf(panel) {
  return (panel.home.x1 - panel.home.x0) / (panel.view.x1 - panel.view.x0);
}

/** Data coordinates -> CSS pixels of the stage. */
function toStage(panel, x, y) {
  const { rect, view } = panel;
  return [
    rect.x + ((x - view.x0) / (view.x1 - view.x0)) * rect.w,
    rect.y + rect.h - ((y - view.y0) / (view.y1 - view.y0)) * rect.h,
  ];
}

/** CSS pixels of the stage -> data coordinates. */
function toData(panel, x, y) {
  const { rect, view } = panel;
  return [
    view.x0 + ((x - rect.x) / rect.w) * (view.x1 - view.x0),
    view.y0 + ((rect.y + rect.h - y) / rect.h) * (view.y1 - view.y0),
  ];
}

/** Visit every point that can be seen: visit(index, x, y) in CSS pixels of the stage. */
function eachVisible(app, panel, visit) {
  const { rect, view, xy } = panel;
  const scaleX = rect.w / (view.x1 - view.x0);
  const scaleY = rect.h / (view.y1 - view.y0);
  const { shown } = app.paint;
  for (let i = 0; i < shown.length; i++) {
    if (!shown[i]) continue;
    const px = rect.x + (xy[2 * i] - view.x0) * scaleX;
    const py = rect.y + rect.h - (xy[2 * i + 1] - view.y0) * scaleY;
    if (px >= rect.x && px <= rect.x + rect.w && py >= rect.y && py <= rect.y + rect.h) visit(i, px, py);
  }
}

/** A one-pixel line that lies on whole device pixels. */
function hairline(context, dpr, x0, y0, x1, y1) {
  const thick = Math.max(1, Math.round(dpr));
  const snap = (value) => (Math.round(value * dpr) + (thick % 2) / 2) / dpr;
  context.lineWidth = thick / dpr;
  context.beginPath();
  context.moveTo(snap(x0), snap(y0));
  context.lineTo(snap(x1), snap(y1));
  context.stroke();
}

/** Shorten a text to a width. */
function clipText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}\u2026`).width > width) end--;
  return `${text.slice(0, end)}\u2026`;
}

/** The layer under the points of one panel. */
function drawFrame(app, panel) {
  const { rect, view, spec } = panel;
  const { style, dpr } = app;
  const context = app.frame.getContext("2d");
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.clearRect(rect.x - panel.left, rect.y - 8, rect.w + panel.left + 16, rect.h + 54);
  const across = ticks(view.x0, view.x1, rect.w / 68);
  const up = ticks(view.y0, view.y1, rect.h / (spec.square ? 68 : 54));

  context.save();
  context.beginPath();
  context.rect(rect.x, rect.y, rect.w, rect.h);
  context.clip();
  if (panel.picture && spec.domain) {
    const [x0, y1] = toStage(panel, spec.domain[0], spec.domain[3]);
    const [x1, y0] = toStage(panel, spec.domain[1], spec.domain[2]);
    context.imageSmoothingEnabled = !spec.pixelated;
    context.drawImage(panel.picture, x0, y1, x1 - x0, y0 - y1);
  }
  context.strokeStyle = style.text;
  for (const value of across.values) {
    const [x] = toStage(panel, value, 0);
    context.globalAlpha = Math.abs(value) < 1e-12 ? 0.22 : 0.08;
    hairline(context, dpr, x, rect.y, x, rect.y + rect.h);
  }
  for (const value of up.values) {
    const [, y] = toStage(panel, 0, value);
    context.globalAlpha = Math.abs(value) < 1e-12 ? 0.22 : 0.08;
    hairline(context, dpr, rect.x, y, rect.x + rect.w, y);
  }
  context.restore();

  context.strokeStyle = style.text;
  context.globalAlpha = 0.32;
  const { x, y, w, h } = rect;
  hairline(context, dpr, x, y, x + w, y);
  hairline(context, dpr, x, y + h, x + w, y + h);
  hairline(context, dpr, x, y, x, y + h);
  hairline(context, dpr, x + w, y, x + w, y + h);
  for (const value of across.values) hairline(context, dpr, toStage(panel, value, 0)[0], y + h, toStage(panel, value, 0)[0], y + h + 4);
  for (const value of up.values) hairline(context, dpr, x - 4, toStage(panel, 0, value)[1], x, toStage(panel, 0, value)[1]);

  context.fillStyle = style.text;
  context.globalAlpha = 0.72;
  context.font = `11px ${style.font}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of across.values) context.fillText(tickText(value, across.decimals), toStage(panel, value, 0)[0], y + h + 7);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of up.values) context.fillText(tickText(value, up.decimals), x - 7, toStage(panel, 0, value)[1]);
  context.globalAlpha = 0.9;
  context.font = `12px ${style.font}`;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(clipText(context, spec.x_title, w), x + w / 2, y + h + 39);
  context.translate(x - panel.left + 2, y + h / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "top";
  context.fillText(clipText(context, spec.y_title, h), 0, 0);
}
