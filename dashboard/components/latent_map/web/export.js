// Downloads, made in the browser: the picture as it is seen, and the points as a table.

function download(app, blob, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${app.head.key.replace(/[^\w-]+/g, "-")}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Lay the shown legend entries out in rows: [[{ text, colour, shape, x }]]. */
function legendRows(app, context, width) {
  const rows = [];
  for (const entries of legendEntries(app)) {
    let row = null;
    let x = 0;
    for (const [name, text, colour, shape] of entries) {
      if (app.state.hidden.includes(name)) continue;
      const wide = context.measureText(text).width + 34;
      if (!row || x + wide > width) {
        row = [];
        rows.push(row);
        x = 0;
      }
      row.push({ text, colour, shape, x });
      x += wide;
    }
  }
  return rows;
}

/** The three layers, titles and legend on one canvas; drawn and read in one task. */
export function picture(app) {
  flush(app);
  for (const panel of app.panels) drawOverlay(app, panel, true);
  const { dpr, style, width } = app;
  const bars = app.ids.length ? app.head.bars : [];
  const bar = bars.length * (BAR.height + 8);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const pad = 16;
  context.font = `13px ${style.font}`;
  const rows = legendRows(app, context, width);
  canvas.width = Math.round((width + 2 * pad) * dpr);
  canvas.height = Math.round((app.height + 2 * pad + 10 + bar + rows.length * 22) * dpr);
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.fillStyle = style.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const layer of [app.frame, app.points, app.over]) {
    context.drawImage(layer, pad, pad, layer.width / dpr, layer.height / dpr);
  }
  context.fillStyle = style.text;
  context.textBaseline = "middle";
  context.font = `600 14px ${style.font}`;
  for (const panel of app.panels) {
    const { x, y, w } = panel.rect;
    context.fillText(clipText(context, panel.spec.title, w), pad + x, pad + y - HEADER / 2);
  }
  context.font = `13px ${style.font}`;
  bars.forEach((scale, k) => {
    context.save();
    context.translate(pad, pad + app.height + 8 + k * (BAR.height + 8));
    paintBar(app, context, scale);
    context.restore();
  });
  rows.forEach((row, k) => {
    for (const { text, colour, shape, x } of row) {
      const top = pad + app.height + 14 + bar + k * 22;
      context.save();
      context.translate(pad + x, top);
      context.fillStyle = colour ?? style.text;
      context.fill(new Path2D(OUTLINES[shape]));
      context.restore();
      context.fillText(text, pad + x + 17, top + 6.5);
    }
  });
  redraw(app, { over: true });
  return canvas;
}

function savePicture(app) {
  picture(app).toBlob((blob) => download(app, blob, "png"), "image/png");
}

/** The selected points, or else all that are shown, as CSV: id, class, marker's meaning, values, both coordinates in each panel. */
export function table(app) {
  const { head, panels } = app;
  const names = panels.flatMap(({ spec }) => [`${spec.title}: ${spec.x_title}`, `${spec.title}: ${spec.y_title}`]);
  const marked = app.mk && head.markers.length > 0;
  const numbers = numbersOf(app);
  const valued = numbers.map(({ whose }) => `${head.scale.name}${whose && ` of ${whose}`}${head.scale.unit && ` (${head.scale.unit})`}`);
  const lines = [["id", "class", ...(marked ? [head.marker_title] : []), ...valued, ...names].map(csvText).join(",")];
  const number = (value) => (value === value ? floatText(value) : "");
  for (let i = 0; i < app.ids.length; i++) {
    if (app.selectedCount ? !app.selected[i] : !app.paint.shown[i]) continue;
    const cells = [String(knownNumber(app, i)), csvText(className(app, app.cls[i]))];
    if (marked) cells.push(csvText(head.markers[app.mk[i]]));
    for (const { values } of numbers) cells.push(number(values[i]));
    for (const { xy } of panels) cells.push(number(xy[2 * i]), number(xy[2 * i + 1]));
    lines.push(cells.join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}

function saveTable(app) {
  // The mark at the start tells spreadsheets that the text is UTF-8.
  download(app, new Blob(["\ufeff", table(app)], { type: "text/csv;charset=utf-8" }), "csv");
}
