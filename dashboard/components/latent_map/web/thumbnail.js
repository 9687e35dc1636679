// The hovered point's image, from one sheet of tiles, with its class and id.

const LARGE = 96; // CSS pixels of an enlarged thumbnail, at most; enlarged by whole factors, so pixels stay squares
const SHEETS = new Map(); // hash -> { bitmap } once decoded; shared by maps and remounts
const KEPT = 4;

const EXACT = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/** Start to decode the sheet of a payload, unless it is there. */
function loadSheet(app, section) {
  if (!section) {
    app.sheet = null;
    return;
  }
  let sheet = SHEETS.get(section.hash);
  if (!sheet) {
    sheet = { bitmap: null };
    const blob = new Blob([section.read()], { type: app.head.sprites.mime });
    sheet.ready = createImageBitmap(blob, EXACT).then((bitmap) => (sheet.bitmap = bitmap));
    SHEETS.set(section.hash, sheet);
    if (SHEETS.size > KEPT) SHEETS.delete(SHEETS.keys().next().value);
  }
  app.sheet = sheet;
  if (!sheet.bitmap) sheet.ready.then(() => showTip(app)).catch((error) => console.error("latent map: thumbnails", error));
}

/** Decode a panel's picture; the frame is drawn again when it is there. */
function loadPicture(app, panel, section) {
  if (panel.pictureHash === section?.hash) return;
  panel.pictureHash = section?.hash;
  if (!section) {
    panel.picture = null;
    return;
  }
  createImageBitmap(new Blob([section.read()]), EXACT)
    .then((bitmap) => {
      if (panel.pictureHash !== section.hash) return;
      panel.picture = bitmap;
      redraw(app, { panel, frame: true });
    })
    .catch((error) => console.error("latent map: picture", error));
}

/** Show the tip beside the hovered point of the panel that is pointed at, or hide it. */
function showTip(app) {
  const { tip, hover } = app;
  const panel = app.hoverPanel;
  if (hover < 0 || !panel || app.drag?.moved) {
    tip.hidden = true;
    return;
  }
  drawThumb(app, hover);
  const type = app.cls[hover];
  const [x, y] = [panel.xy[2 * hover], panel.xy[2 * hover + 1]];
  tip.querySelector(".name").textContent = className(app, type);
  tip.querySelector(".name").style.setProperty("--dot", classColour(app, type));
  tip.querySelector(".which").textContent = [`#${knownNumber(app, hover)}`, app.mk ? app.head.markers[app.mk[hover]] : null]
    .filter(Boolean)
    .join(" \u00b7 ");
  tip.querySelector(".where").textContent = `${shortNumber(x)}, ${shortNumber(y)}`;
  tip.hidden = false;
  const [px, py] = toStage(panel, x, y);
  const { offsetWidth: w, offsetHeight: h } = tip;
  const away = 14;
  let left = px + away;
  if (left + w > app.width) left = px - away - w;
  left = Math.max(0, Math.min(left, app.width - w));
  const top = Math.max(0, Math.min(py - h - 6, app.height - h));
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

function drawThumb(app, index) {
  const { thumb } = app;
  const bitmap = app.sheet?.bitmap;
  thumb.hidden = !bitmap;
  if (!bitmap) return;
  const { tile, columns } = app.head.sprites;
  const [w, h] = tile;
  if (thumb.width !== w || thumb.height !== h) {
    thumb.width = w;
    thumb.height = h;
  }
  const factor = Math.max(1, Math.floor(LARGE / Math.max(w, h)));
  thumb.style.width = `${w * factor}px`;
  thumb.style.height = `${h * factor}px`;
  const context = thumb.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, w, h);
  context.drawImage(bitmap, (index % columns) * w, Math.floor(index / columns) * h, w, h, 0, 0, w, h);
}

function shortNumber(value) {
  return Number(value.toPrecision(3)).toString().replace("-", "\u2212");
}
