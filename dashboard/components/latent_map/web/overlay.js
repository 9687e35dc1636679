// The layer above the points: contours, draws, the cross, the hovered point, the box or lasso being drawn.

/** A line seen on any background: a wide faint one in the background's colour below it. */
function haloStroke(context, style, colour, width, alpha = 1, halo = 0.75) {
  const dash = context.getLineDash();
  context.setLineDash([]);
  context.strokeStyle = style.background;
  context.globalAlpha = halo;
  context.lineWidth = width + 2.5;
  context.stroke();
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.stroke();
  context.globalAlpha = 1;
}

function haloText(context, style, text, x, y) {
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = style.background;
  context.fillStyle = style.text;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/** Contours of the prior: circles of whole standard deviations about the origin. */
function drawCircles(context, app, panel) {
  const { style } = app;
  const { view, rect, spec } = panel;
  const scaleX = rect.w / (view.x1 - view.x0);
  const scaleY = rect.h / (view.y1 - view.y0);
  const [cx, cy] = toStage(panel, 0, 0);
  context.font = `11px ${style.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const radius of spec.circles) {
    context.beginPath();
    context.setLineDash([5, 4]);
    context.ellipse(cx, cy, radius * scaleX, radius * scaleY, 0, 0, 2 * Math.PI);
    haloStroke(context, style, style.text, 1.25, 0.75, 0.4);
    context.setLineDash([]);
    const x = cx + radius * scaleX * Math.SQRT1_2;
    const y = cy - radius * scaleY * Math.SQRT1_2;
    haloText(context, style, `${floatText(Math.fround(radius))} \u03c3`, x, y);
  }
}

/** Points drawn from the prior, numbered as the pictures under the map are. */
function drawDraws(context, app, panel) {
  const { style } = app;
  context.textAlign = "center";
  context.textBaseline = "middle";
  panel.spec.draws.forEach(([dx, dy], k) => {
    const [x, y] = toStage(panel, dx, dy);
    const text = String(k + 1);
    context.font = `600 ${text.length > 2 ? 9 : 11}px ${style.font}`;
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    context.fillStyle = style.background;
    context.fill();
    context.lineWidth = 1.6;
    context.strokeStyle = style.text;
    context.stroke();
    context.fillStyle = style.text;
    context.fillText(text, x, y + 0.5);
  });
}

/** The place whose decoded image is shown. */
function drawMarker(context, app, panel) {
  const [x, y] = toStage(panel, ...panel.spec.marker);
  context.lineCap = "round";
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + dx * 3.5, y + dy * 3.5);
    context.lineTo(x + dx * 11, y + dy * 11);
  }
  haloStroke(context, app.style, app.style.primary, 2.2);
  context.lineCap = "butt";
}

/** A ring about one point, in every panel in which it is. */
function drawRing(context, app, panel, index, width) {
  const [x, y] = toStage(panel, panel.xy[2 * index], panel.xy[2 * index + 1]);
  if (!(x === x && y === y)) return;
  context.beginPath();
  context.arc(x, y, panel.radius + 3.5, 0, 2 * Math.PI);
  haloStroke(context, app.style, app.style.text, width);
}

function drawDrag(context, app, drag) {
  const { style } = app;
  context.beginPath();
  if (drag.mode === "box") {
    const [x, y] = drag.start;
    context.rect(x, y, drag.last[0] - x, drag.last[1] - y);
  } else {
    drag.path.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
  }
  context.fillStyle = style.primary;
  context.globalAlpha = 0.1;
  context.fill();
  context.setLineDash([4, 3]);
  haloStroke(context, style, style.primary, 1.5);
  context.setLineDash([]);
}

/** The layer of one panel; `plain` leaves out what belongs to the moment (for the PNG). */
function drawOverlay(app, panel, plain) {
  const { rect, spec } = panel;
  const { dpr } = app;
  const context = app.over.getContext("2d");
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.save();
  context.beginPath();
  context.rect(rect.x, rect.y, rect.w, rect.h);
  context.clip();
  context.clearRect(rect.x, rect.y, rect.w, rect.h);
  drawCircles(context, app, panel);
  drawDraws(context, app, panel);
  if (spec.marker) drawMarker(context, app, panel);
  if (app.selectedCount === 1) drawRing(context, app, panel, app.selected.indexOf(1), 2);
  if (!plain) {
    if (app.hover >= 0) drawRing(context, app, panel, app.hover, 1.6);
    else if (app.tile) drawTileMark(context, app, panel);
    if (app.drag?.panel === panel && app.drag.moved && app.drag.mode !== "pan") drawDrag(context, app, app.drag);
  }
  context.restore();
}
