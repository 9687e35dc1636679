// Keeps what a reader did to a Plotly chart over the charts that follow it: the range zoomed to, the camera of a 3-D
// chart, the curves hidden in the legend, the tool, full screen, and a drag under way. Streamlit names a chart by a
// hash of its figure, so when the data change it takes the chart out and draws another. Until that one is drawn, some
// frames later on a busy machine, a picture of the one before stands in its place. Plotly itself (`window.Plotly`) comes
// with Streamlit's chart.

const VIEWS = new Map(); // key of a chart -> { of, ranges, camera, hidden, dragmode }; outlives charts and pages
const FULL = new Set(); // keys of charts shown on the full screen
const SEEN = new WeakSet(); // charts that are listened to
const OBSERVERS = new WeakMap(); // container -> its observer
const PICTURES = new WeakMap(); // container -> { node, left, top }: its chart as last drawn, and where in the container
const LONGEST = 1000; // ms that a picture stands: another chart may have nothing to draw
let drag = null; // what the mouse holds: { key, chart, touch, handle, at, from, to }; `from` in units of the axes

const axesOf = (layout) => Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
const idOf = (trace) => trace.legendgroup || trace.name;
const apart = ([a, b], [c, d]) => Math.max(a, b) < Math.min(c, d) || Math.max(c, d) < Math.min(a, b);
const button = (chart, title) => chart.querySelector(`.modebar-btn[data-title="${title}"]`);

/** Note what the reader chose; an axis that follows the data is not noted. */
function remember(chart, key) {
  const layout = chart._fullLayout;
  const fixed = axesOf(layout).filter((name) => !layout[name].autorange);
  const ranges = Object.fromEntries(fixed.map((name) => [name, [...layout[name].range]]));
  const hidden = chart._fullData.filter((trace) => trace.visible === "legendonly").map(idOf);
  const camera = layout.scene ? JSON.stringify(layout.scene.camera) : null;
  VIEWS.set(key, { of: layout.uirevision, ranges, camera, hidden, dragmode: layout.dragmode });
}

/** Give a chart what was noted for its key, unless it shows something else; a range that the data left is let go. */
function impose(chart, key) {
  const view = VIEWS.get(key);
  const layout = chart._fullLayout;
  if (!view || view.of !== layout.uirevision) return;
  const ranges = Object.entries(view.ranges).filter(([name]) => layout[name]);
  if (ranges.some(([name, range]) => layout[name].autorange && apart(layout[name].range, range))) view.ranges = {};
  const changes = view.dragmode === layout.dragmode ? {} : { dragmode: view.dragmode };
  for (const [name, range] of Object.entries(view.ranges)) {
    if (layout[name] && String(layout[name].range) !== String(range)) changes[`${name}.range`] = [...range];
  }
  if (view.camera && layout.scene && JSON.stringify(layout.scene.camera) !== view.camera) {
    changes["scene.camera"] = JSON.parse(view.camera);
  }
  const hide = chart._fullData.filter((trace) => trace.visible === true && view.hidden.includes(idOf(trace)));
  if (hide.length) window.Plotly?.update(chart, { visible: "legendonly" }, changes, hide.map((trace) => trace.index));
  else if (Object.keys(changes).length) window.Plotly?.relayout(chart, changes);
}

function fire(target, type, [x, y]) {
  const place = { clientX: x, clientY: y, buttons: type === "mouseup" ? 0 : 1 };
  target.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, ...place }));
}

/** A chart's axes, and where in the window they begin. */
function origin(chart) {
  const box = chart.getBoundingClientRect();
  const { xaxis, yaxis } = chart._fullLayout;
  return { xaxis, yaxis, left: box.left + xaxis._offset, top: box.top + yaxis._offset };
}

function grab(chart, key, event, touch) {
  const handle = event.target.closest?.(".draglayer .drag")?.classList[0];
  if (!handle || event.button !== 0) return;
  const { xaxis, yaxis, left, top } = origin(chart);
  const at = [event.clientX, event.clientY];
  const from = [xaxis.p2l(at[0] - left), yaxis.p2l(at[1] - top)];
  drag = { key, chart, touch, handle, at, from, to: event.isTrusted ? at : drag.to };
}

/** End a drag on the chart that goes: Plotly would go on with it, and fail at every move of the mouse. */
function letGo() {
  if (!drag?.chart) return;
  if (drag.chart.isConnected) fire(document, "mousemove", drag.at); // back where it began, it changes nothing
  drag.chart = null;
  fire(document, "mouseup", drag.at);
}

/** Take the drag up again on the chart that came, from the same place in the data. */
function takeUp(chart, key) {
  const handle = drag?.key === key && !chart._dragging && chart.querySelector(`.draglayer .${drag.handle}`);
  if (!handle || !chart.isConnected) return;
  letGo();
  const { xaxis, yaxis, left, top } = origin(chart);
  fire(handle, "mousedown", [left + xaxis.l2p(drag.from[0]), top + yaxis.l2p(drag.from[1])]);
  fire(document, "mousemove", drag.to);
}

const drawn = (chart) => chart._fullLayout && chart.querySelector(".trace path");

/** Keep a picture of a chart that is drawn; of one on a canvas there is none. */
function picture(chart, place) {
  const [here, there] = [chart.getBoundingClientRect(), place.getBoundingClientRect()];
  if (!drawn(chart) || !here.height || chart.querySelector("canvas")) return;
  const node = chart.cloneNode(true);
  const size = { width: `${here.width}px`, height: `${here.height}px` };
  Object.assign(node.style, { position: "fixed", ...size });
  node.dataset.kept = "";
  node.inert = true; // the mouse meets what lies beneath, and a screen reader meets one chart
  PICTURES.set(place, { node, left: here.left - there.left, top: here.top - there.top });
}

/** Show it while no chart is seen in its place, and take it away once one is. */
function cover(place, component) {
  const kept = PICTURES.get(place);
  const seen = (chart) => drawn(chart) && chart.getBoundingClientRect().height > 0;
  const needed = () => component.isConnected && ![...place.querySelectorAll(".js-plotly-plot")].some(seen);
  if (!kept || kept.node.isConnected || !needed()) return;
  const box = place.getBoundingClientRect();
  Object.assign(kept.node.style, { left: `${box.left + kept.left}px`, top: `${box.top + kept.top}px` });
  document.body.append(kept.node);
  const end = performance.now() + LONGEST;
  const wait = () => (needed() && performance.now() < end ? requestAnimationFrame(wait) : kept.node.remove());
  requestAnimationFrame(wait);
}

function attach(chart, key, place) {
  SEEN.add(chart);
  let touched = false; // until then what changes is not the reader's doing: a chart is drawn in several steps
  const touch = () => void (touched = true);
  const settle = () => {
    button(chart, "Close fullscreen") ? FULL.add(key) : FULL.delete(key);
    picture(chart, place);
    if (touched) return;
    impose(chart, key);
    setTimeout(takeUp, 0, chart, key);
  };
  for (const type of ["pointerdown", "keydown"]) chart.addEventListener(type, touch, true);
  chart.addEventListener("mousedown", (event) => grab(chart, key, event, touch), true);
  for (const type of ["plotly_relayout", "plotly_restyle"]) chart.on(type, () => touched && remember(chart, key));
  chart.on("plotly_afterplot", settle);
  if (FULL.has(key)) setTimeout(() => button(chart, "Fullscreen")?.click(), 0);
  settle();
}

// Only the reader's own moves: what `fire` makes says nothing new.
function follow(event) {
  if (!drag || !event.isTrusted) return;
  drag.to = [event.clientX, event.clientY];
  if (event.type === "mouseup" || !event.buttons) drag = void drag.touch();
}
for (const type of ["mousemove", "mouseup"]) window.addEventListener(type, follow, true);

export default function keepView({ data, parentElement }) {
  const place = parentElement.getRootNode().host?.closest('[data-testid="stVerticalBlock"]');
  if (!place || !data) return undefined;
  const look = () => {
    if (!drag?.chart?.isConnected) letGo();
    for (const chart of place.querySelectorAll(".js-plotly-plot")) {
      if (chart._fullLayout && !SEEN.has(chart)) attach(chart, data.key, place);
    }
    cover(place, parentElement);
  };
  OBSERVERS.get(place)?.disconnect(); // called again when the theme changes
  const observer = new MutationObserver(look);
  OBSERVERS.set(place, observer);
  observer.observe(place, { childList: true, subtree: true });
  look();
  return () => {
    observer.disconnect();
    PICTURES.get(place)?.node.remove();
    setTimeout(look, 0);
  };
}
