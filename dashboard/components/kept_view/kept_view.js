// Keeps what a reader did to a Plotly chart over the charts that follow it: the range zoomed to, the curves hidden in
// the legend, and a drag under way. Streamlit names a chart by a hash of its figure, so a chart of other data is taken
// out and a new one drawn in its place. Plotly itself (`window.Plotly`) comes with Streamlit's chart.

const VIEWS = new Map(); // key of a chart -> { of, ranges, hidden }; outlives charts, pages and this component
const SEEN = new WeakSet(); // charts that are listened to
let drag = null; // what the mouse holds: { key, chart, handle, from, to }; `from` in the units of the axes

const axesOf = (layout) => Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
const idOf = (trace) => trace.legendgroup || trace.name;
const overlap = ([a, b], [c, d]) => Math.max(Math.min(a, b), Math.min(c, d)) < Math.min(Math.max(a, b), Math.max(c, d));

/** Note what the reader chose; an axis that follows the data is not noted. */
function remember(chart, key) {
  const layout = chart._fullLayout;
  const ranges = {};
  for (const name of axesOf(layout)) if (!layout[name].autorange) ranges[name] = [...layout[name].range];
  const hidden = chart._fullData.filter((trace) => trace.visible === "legendonly").map(idOf);
  VIEWS.set(key, { of: layout.uirevision, ranges, hidden });
}

/** Give a chart what was noted for its key, unless it shows something else or the data have left that range. */
function impose(chart, key) {
  const view = VIEWS.get(key);
  const layout = chart._fullLayout;
  if (!view || view.of !== layout.uirevision) return;
  const changes = {};
  for (const [name, range] of Object.entries(view.ranges)) {
    const axis = layout[name];
    if (!axis || (!axis.autorange && String(axis.range) === String(range))) continue;
    if (axis.autorange && !overlap(axis.range, range)) delete view.ranges[name];
    else changes[`${name}.range`] = [...range];
  }
  const hide = chart._fullData.filter((trace) => trace.visible === true && view.hidden.includes(idOf(trace)));
  if (Object.keys(changes).length) window.Plotly?.relayout(chart, changes);
  if (hide.length) window.Plotly?.restyle(chart, { visible: "legendonly" }, hide.map((trace) => trace.index));
}

function fire(target, type, [x, y]) {
  const held = type === "mouseup" ? 0 : 1;
  target.dispatchEvent(
    new MouseEvent(type, { bubbles: true, cancelable: true, view: window, buttons: held, clientX: x, clientY: y }),
  );
}

/** A chart's axes with the place of their origin in the window. */
function origin(chart) {
  const box = chart.getBoundingClientRect();
  const { xaxis, yaxis } = chart._fullLayout;
  return { xaxis, yaxis, left: box.left + xaxis._offset, top: box.top + yaxis._offset };
}

function grab(chart, key, event, touch) {
  const handle = event.target.closest?.(".draglayer .drag");
  if (!handle || event.button !== 0) return;
  const { xaxis, yaxis, left, top } = origin(chart);
  const from = [xaxis.p2l(event.clientX - left), yaxis.p2l(event.clientY - top)];
  drag = { key, chart, touch, handle: handle.classList[0], from, to: [event.clientX, event.clientY] };
}

/** End the drag of a chart that is gone: Plotly would go on with it, and fail at every move of the mouse. */
function letGo() {
  if (!drag?.chart || drag.chart.isConnected) return;
  drag.chart = null;
  fire(document, "mouseup", drag.to);
}

/** Take the drag up again on the chart that follows, from the same place in the data. */
function takeUp(chart, key) {
  if (drag?.key !== key || !chart.isConnected || chart._dragging) return;
  const { from, to, handle } = drag;
  const { xaxis, yaxis, left, top } = origin(chart);
  const found = chart.querySelector(`.draglayer .${handle}`);
  if (!found) return;
  const start = [left + xaxis.l2p(from[0]), top + yaxis.l2p(from[1])];
  fire(document, "mousemove", start);
  fire(document, "mouseup", start);
  fire(found, "mousedown", start);
  fire(document, "mousemove", to);
}

function attach(chart, key) {
  SEEN.add(chart);
  let touched = false; // until then all that changes is the chart being built, in several steps
  const settle = () => {
    if (touched) return;
    impose(chart, key);
    setTimeout(() => takeUp(chart, key), 0);
  };
  const touch = () => void (touched = true);
  for (const type of ["pointerdown", "keydown"]) chart.addEventListener(type, touch, true);
  chart.addEventListener("mousedown", (event) => grab(chart, key, event, touch), true);
  for (const type of ["plotly_relayout", "plotly_restyle"]) chart.on(type, () => touched && remember(chart, key));
  chart.on("plotly_afterplot", settle);
  settle();
}

// Real moves only: what `fire` makes says nothing new.
window.addEventListener("mousemove", (event) => drag && event.isTrusted && (drag.to = [event.clientX, event.clientY]), true);
window.addEventListener("mouseup", (event) => event.isTrusted && (drag = drag?.touch()), true);

export default function keepView({ data, parentElement }) {
  const place = parentElement.getRootNode().host?.closest('[data-testid="stVerticalBlock"]');
  if (!place || !data) return undefined;
  const look = () => {
    letGo();
    const chart = place.querySelector(".js-plotly-plot");
    if (chart?._fullLayout && chart.on && !SEEN.has(chart)) attach(chart, data.key);
  };
  const observer = new MutationObserver(look);
  observer.observe(place, { childList: true, subtree: true });
  look();
  return () => {
    observer.disconnect();
    setTimeout(letGo, 0);
  };
}
