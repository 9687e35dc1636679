// What the root element offers to browser tests and benchmarks.

/** What stands on the points' layer in the rectangle of a panel. */
function readPoints(app, panel) {
  const [x, y] = [Math.round(panel.rect.x * app.dpr), Math.round(panel.rect.y * app.dpr)];
  return app.points.getContext("2d").getImageData(x, y, ...panel.size);
}

/** What browser tests read. Ids go in and come out, never indices; places are client coordinates. */
function makeHook(app) {
  const find = (id) => app.panels.find((panel) => panel.spec.id === id);
  const toClient = (panel, x, y) => {
    const box = app.stage.getBoundingClientRect();
    const [px, py] = toStage(panel, x, y);
    const zoom = zoomOnPage(app);
    return [px * zoom + box.left, py * zoom + box.top];
  };
  const idsWhere = (test) => Array.from(app.ids.filter((_, i) => test(i)));
  return {
    get revision() {
      return app.head.revision;
    },
    selectedIds: () => idsWhere((i) => app.selected[i]),
    shownIds: () => idsWhere((i) => app.paint.shown[i]),
    hoverId: () => (app.hover >= 0 ? app.ids[app.hover] : null),
    /** Whether the panel's lattice can be looked at: it was sent, and its picture is here. */
    latticeReady: (id) => Boolean(find(id).spec.lattice?.sprites.url && sheetOf(find(id).spec.lattice.sprites, 0).bitmap),
    view: (id) => ({ ...find(id).view }),
    rect: (id) => ({ ...find(id).rect }),
    toClient(id, point) {
      const k = app.ids.indexOf(point);
      return toClient(find(id), find(id).xy[2 * k], find(id).xy[2 * k + 1]);
    },
    placeToClient: (id, x, y) => toClient(find(id), x, y),
    clientToPlace(id, x, y) {
      const box = app.stage.getBoundingClientRect();
      const zoom = zoomOnPage(app);
      return toData(find(id), (x - box.left) / zoom, (y - box.top) / zoom);
    },
    thumbPixels() {
      if (app.tip.hidden || app.thumb.hidden) return null;
      const { width, height } = app.thumb;
      return { width, height, data: Array.from(app.thumb.getContext("2d").getImageData(0, 0, width, height).data) };
    },
    pixel(id, point) {
      flush(app);
      const panel = find(id);
      const k = app.ids.indexOf(point);
      const [x, y] = toStage(panel, panel.xy[2 * k], panel.xy[2 * k + 1]);
      const column = Math.floor((x - panel.rect.x) * app.dpr);
      const row = Math.floor((y - panel.rect.y) * app.dpr);
      const image = panel.image ?? readPoints(app, panel);
      return Array.from(image.data.slice(4 * (row * image.width + column), 4 * (row * image.width + column) + 4));
    },
    /** All pixels of a panel's points, as they are on the page; RGBA in base64. */
    pixels(id) {
      flush(app);
      const image = readPoints(app, find(id));
      const text = Array.from(image.data, (value) => String.fromCharCode(value)).join("");
      return { width: image.width, height: image.height, data: btoa(text) };
    },
    loseCard: () => CARD.gl?.getExtension("WEBGL_lose_context")?.loseContext(),
    /** Draw everything now; milliseconds. */
    redraw() {
      const start = performance.now();
      redraw(app, { frame: true, points: true, over: true });
      flush(app);
      return performance.now() - start;
    },
  };
}
