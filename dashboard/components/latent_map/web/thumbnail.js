// The tip: the hovered point's image, class, id and value, or the tile near an empty place. Images stand on lossless
// sheets of tiles, which are fetched when they are needed.

const LARGE = 96; // CSS pixels of an enlarged thumbnail, at most; enlarged by whole factors, so pixels stay squares
const EXACT = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
const SHEETS = new Map(); // "<hash>/<number>" -> { bitmap, ready }; shared by maps and remounts, last used last
const KEPT = 128 * 2 ** 20; // bytes of decoded sheets: 40 of them at 28 x 28 pixels
const AHEAD = 12; // as many sheets are fetched before a point asks for one

/** The sheets of the points: a few are fetched ahead, one after another, when the browser has time. */
function loadSheets(app) {
  const { sprites } = app.head;
  if (!sprites?.url || sprites.ends.length > AHEAD) return;
  const idle = window.requestIdleCallback ?? ((run) => setTimeout(run, 50));
  const next = (k) => {
    if (k >= sprites.ends.length || app.head.sprites?.hash !== sprites.hash || !app.root.isConnected) return;
    sheetOf(sprites, k).ready.then(() => idle(() => next(k + 1)), () => {});
  };
  idle(() => next(0));
}

/** Sheet number k: its part of the file is fetched and decoded once, and tried again after a failure. */
function sheetOf(sprites, k) {
  const name = `${sprites.hash}/${k}`;
  let sheet = SHEETS.get(name);
  if (!sheet) {
    sheet = { bitmap: null, bytes: 0 };
    const start = k ? sprites.ends[k - 1] : 0;
    sheet.ready = fetch(sprites.url, { headers: { Range: `bytes=${start}-${sprites.ends[k] - 1}` } })
      .then((answer) => {
        if (!answer.ok) throw new Error(`${answer.status} for ${sprites.url}`);
        return answer.arrayBuffer().then((bytes) => (answer.status === 206 ? bytes : bytes.slice(start, sprites.ends[k])));
      })
      .then((bytes) => createImageBitmap(new Blob([bytes], { type: sprites.mime }), EXACT))
      .then((bitmap) => {
        sheet.bitmap = bitmap;
        sheet.bytes = 4 * bitmap.width * bitmap.height;
        forgetSheets(name);
      })
      .catch((error) => {
        SHEETS.delete(name);
        throw error;
      });
    sheet.ready.catch((error) => console.warn("latent map: thumbnails", error));
  }
  SHEETS.delete(name);
  SHEETS.set(name, sheet);
  return sheet;
}

/** Let the sheets go that were not used for longest, but not the one that has just come. */
function forgetSheets(latest) {
  let sum = 0;
  for (const sheet of SHEETS.values()) sum += sheet.bytes;
  for (const [name, sheet] of SHEETS) {
    if (sum <= KEPT) return;
    if (name === latest || !sheet.bitmap) continue;
    sum -= sheet.bytes;
    sheet.bitmap.close();
    SHEETS.delete(name);
  }
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

/** Show the tip beside the hovered point of the panel that is pointed at, or of the tile near an empty place, or hide it. */
function showTip(app) {
  const { tip, tile } = app;
  const pointed = app.hover >= 0 && app.hoverPanel;
  tip.hidden = Boolean(app.drag?.moved) || !(pointed || tile);
  if (tip.hidden) return;
  tip.classList.toggle("decoded", !pointed);
  if (pointed) {
    describePoint(app);
    placeTip(app, ...toStage(app.hoverPanel, app.hoverPanel.xy[2 * app.hover], app.hoverPanel.xy[2 * app.hover + 1]));
    return;
  }
  const { sprites } = tile.lattice;
  drawThumb(app, sprites, tile.row * sprites.columns + tile.column, () => sameTile(app.tile, tile));
  describeTile(app);
  placeTip(app, ...app.rest.at);
}

/** The hovered point's image, class, id, value and coordinates. */
function describePoint(app) {
  const { tip, hover, hoverPanel: panel } = app;
  const { sprites } = app.head;
  drawThumb(app, sprites, hover, () => app.hover === hover && app.head.sprites?.hash === sprites.hash);
  const type = app.cls[hover];
  const [x, y] = [panel.xy[2 * hover], panel.xy[2 * hover + 1]];
  tip.querySelector(".name").textContent = className(app, type);
  tip.querySelector(".name").style.setProperty("--dot", pointColour(panel, hover));
  tip.querySelector(".value").textContent = valueText(app, hover) ?? "";
  tip.querySelector(".which").textContent = [`#${knownNumber(app, hover)}`, app.mk ? app.head.markers[app.mk[hover]] : null]
    .filter(Boolean)
    .join(" \u00b7 ");
  tip.querySelector(".where").textContent = `${shortNumber(x)}, ${shortNumber(y)}`;
}

/** Put the tip beside (px, py) of the stage, where there is room. */
function placeTip(app, px, py) {
  const { tip } = app;
  const { offsetWidth: w, offsetHeight: h } = tip;
  const away = 14;
  let left = px + away;
  if (left + w > app.width) left = px - away - w;
  left = Math.max(0, Math.min(left, app.width - w));
  const top = Math.max(0, Math.min(py - h - 6, app.height - h));
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

/** Draw tile `index`. Where its sheet is still on the way, the tip has no image until it comes, if it is `wanted` then. */
function drawThumb(app, sprites, index, wanted) {
  const { thumb } = app;
  thumb.hidden = true;
  if (!sprites?.url) return;
  const each = sprites.rows * sprites.columns;
  const sheet = sheetOf(sprites, Math.floor(index / each));
  if (!sheet.bitmap) {
    sheet.ready.then(() => wanted() && showTip(app), () => {});
    return;
  }
  thumb.hidden = false;
  const [w, h] = sprites.tile;
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
  const tile = index % each;
  context.drawImage(sheet.bitmap, (tile % sprites.columns) * w, Math.floor(tile / sprites.columns) * h, w, h, 0, 0, w, h);
}

function shortNumber(value) {
  return Number(value.toPrecision(3)).toString().replace("-", "\u2212");
}
