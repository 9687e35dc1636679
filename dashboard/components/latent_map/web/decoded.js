// What the decoder makes of the places between the points: a cached lattice of tiles, looked up without Python.

/** Standard normal CDF in float64: Marsaglia's series (Journal of Statistical Software 11(4), 2004), good to 2e-15. */
export function normalCdf(z) {
  if (z !== z) return NaN;
  if (Math.abs(z) > 8.3) return z < 0 ? 0 : 1; // the rest is below the last digit of 1
  let [sum, before, term] = [z, 0, z];
  for (let odd = 3; sum !== before; odd += 2) {
    before = sum;
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 + sum * Math.exp(-0.5 * z * z - 0.9189385332046727); // ... / sqrt(2 pi)
}

/**
 * The tile nearest to a place (x, y) of a panel, by p-value: { row, column, beyond }, or null outside of the unit square,
 * where nothing can be decoded. The whole latent plane is covered: far out the nearest tile is one of the border, and
 * `beyond` says that the place lies farther out than that tile's own.
 */
export function tileAt(lattice, x, y) {
  const { unit, centre, spread } = lattice;
  const p = [x, y].map((value, axis) => (unit ? value : normalCdf((value - centre[axis]) / spread[axis])));
  const [columns, rows] = [lattice.x.length, lattice.y.length];
  if (!(p[0] >= 0 && p[0] <= 1)) return null;
  const column = Math.min(columns - 1, Math.floor(p[0] * columns));
  const outside = (share, count) => share < 0.5 / count || share > 1 - 0.5 / count;
  if (!rows) return { row: 0, column, beyond: outside(p[0], columns) }; // one dimension: a row of tiles
  if (!(p[1] >= 0 && p[1] <= 1)) return null;
  const row = Math.min(rows - 1, Math.floor((1 - p[1]) * rows));
  return { row, column, beyond: outside(p[0], columns) || outside(p[1], rows) };
}

/** Take the tile under the pointer, which rests on (x, y) of the stage with no point near; null takes none. */
function setTile(app, panel, at) {
  app.rest = at ? { panel, at } : null;
  const lattice = at ? panel.spec.lattice : null;
  const found = lattice?.sprites.url ? tileAt(lattice, ...toData(panel, ...at)) : null;
  app.tile = found && { ...found, panel, lattice };
  app.root.dataset.tile = found ? `${found.row},${found.column}` : "";
}

/** Whether two tiles are the same one; either may be null. */
function sameTile(one, other) {
  if (!one || !other) return one === other;
  return one.row === other.row && one.column === other.column && one.lattice.sprites.hash === other.lattice.sprites.hash;
}

/** The view or the data changed under a resting pointer. */
function refreshTile(app) {
  const { rest } = app;
  if (!rest || app.hover >= 0) return;
  setTile(app, rest.panel, app.panels.includes(rest.panel) ? rest.at : null);
  showTip(app);
}

/** A tile's own place, in the latent plane: [x, y], or [x] of one dimension. */
function placeOfTile({ lattice, row, column }) {
  return lattice.y.length ? [lattice.x[column], lattice.y[row]] : [lattice.x[column]];
}

/** Say what the tile is and where it stands; its picture has been drawn. */
function describeTile(app) {
  const { tile } = app;
  const write = (name, text) => (app.tip.querySelector(`.${name}`).textContent = text);
  write("name", tile.beyond ? "decoded at the lattice\u2019s border" : "decoded near here");
  write("which", placeOfTile(tile).map((value, k) => `${tile.lattice.names[k]} = ${shortNumber(value)}`).join(", "));
  write("value", "");
  write("where", app.tile.panel.spec.clickable_empty ? "click decodes the place itself" : "");
}

/** The lattices' pictures are fetched when the browser has time, so that the first hover does not wait. */
function loadLattices(app) {
  const idle = window.requestIdleCallback ?? ((run) => setTimeout(run, 50));
  for (const { spec } of app.panels) {
    const sprites = spec.lattice?.sprites;
    if (sprites?.url) idle(() => app.root.isConnected && sheetOf(sprites, 0));
  }
}

/** A small square at the tile's own place, in every panel that knows this lattice. */
function drawTileMark(context, app, panel) {
  const own = panel.spec.lattice;
  if (!own || own.sprites.hash !== app.tile.lattice.sprites.hash) return;
  const [z1, z2] = placeOfTile(app.tile);
  const along = (z, axis) => (own.unit ? normalCdf((z - own.centre[axis]) / own.spread[axis]) : z);
  const flat = z2 === undefined;
  const [x, y] = toStage(panel, along(z1, 0), flat ? 0 : along(z2, 1));
  context.beginPath();
  if (flat) {
    context.moveTo(x, panel.rect.y);
    context.lineTo(x, panel.rect.y + panel.rect.h);
  } else {
    context.rect(x - 5, y - 5, 10, 10);
  }
  haloStroke(context, app.style, app.style.primary, 1.6);
}
