// What a person did to a map (zoom, selection, hidden classes, tool), under our own key.
// Streamlit mounts a component anew when its container or the page changes: the module's scope outlives both.
// A reload does not keep it, so it is written to sessionStorage too.

const STATES = new Map();
const REPORTED = new Map(); // the selection that Python knows, per key; a reload starts without, as Python does
const PREFIX = "vaescope.latent_map.";

function emptyState() {
  return { viewKey: null, views: {}, legendKey: null, hidden: [], idsHash: null, bits: null, before: null, asked: null, mode: "pan" };
}

function stateOf(key) {
  let state = STATES.get(key);
  if (!state) {
    state = emptyState();
    try {
      Object.assign(state, JSON.parse(sessionStorage.getItem(PREFIX + key) ?? "{}"));
    } catch {
      // Storage may be switched off or hold something old: start afresh.
    }
    STATES.set(key, state);
  }
  return state;
}

/** To sessionStorage, soon: a drag changes the view at every move. */
function keepState(app) {
  if (app.keeping) return;
  app.keeping = setTimeout(() => storeState(app), 150);
}

/** To sessionStorage, now: a page that is being left has no later. */
function storeState(app) {
  clearTimeout(app.keeping);
  app.keeping = null;
  if (!app.head) return;
  try {
    sessionStorage.setItem(PREFIX + app.head.key, JSON.stringify(app.state));
  } catch {
    // Full or switched off: the map works, only a reload forgets.
  }
}

/** Bring the state in line with new data: what no longer means the same is dropped. */
function reconcile(app, sections) {
  const { head, state } = app;
  if (state.viewKey !== head.view_key) {
    state.viewKey = head.view_key;
    state.views = {};
  }
  const legendKey = JSON.stringify([head.classes, head.markers]);
  if (state.legendKey !== legendKey) {
    state.legendKey = legendKey;
    state.hidden = [];
  }
  const idsHash = sections.get("ids").hash;
  if (state.idsHash !== idsHash) {
    state.idsHash = idsHash;
    state.bits = null;
    state.before = null;
  }
  // A selection from Python counts when it is a new one; else it would undo what was selected since.
  const asked = sections.get("selected");
  const wanted = asked ? `${idsHash}:${asked.hash}:${head.selected_turn}` : null;
  if (wanted && wanted !== state.asked) {
    state.bits = asBits(fromBits(asked.read(), app.ids.length));
    REPORTED.set(head.key, state.bits);
  } else if (wanted && !REPORTED.has(head.key)) {
    // after a reload Python begins with what it asks for; what was made of it here since is news to it
    REPORTED.set(head.key, asBits(fromBits(asked.read(), app.ids.length)));
  }
  state.asked = wanted;
  app.selected = state.bits ? fromBits(state.bits, app.ids.length) : new Uint8Array(app.ids.length);
  app.selectedCount = app.selected.reduce((sum, one) => sum + one, 0);
  keepState(app);
}

/** Replace the selection; `mask` null clears it. Every panel shows it, and Python hears of it if it asked. */
function select(app, mask) {
  const count = mask ? mask.reduce((sum, one) => sum + one, 0) : 0;
  if (!count && !app.selectedCount) return;
  // One click would lose what a lasso gathered: the last one of several points can be had back.
  if (app.selectedCount > 1) app.state.before = app.state.bits;
  app.selected = mask && count ? mask : new Uint8Array(app.ids.length);
  app.selectedCount = count;
  app.state.bits = count ? toBits(app.selected) : null;
  keepState(app);
  redraw(app, { points: true, over: true });
  showStatus(app);
  say(app, count ? `${count} ${count === 1 ? "point" : "points"} selected` : "Selection cleared");
  reportSelection(app);
}

/** Take the selection before this one again; this one can then be had back in turn. */
function selectBefore(app) {
  select(app, fromBits(app.state.before, app.ids.length));
}

/** A mask as base64, or null when nothing is selected. */
function asBits(mask) {
  return mask.includes(1) ? toBits(mask) : null;
}

/** Tell Python, if the page asked for it and does not know this selection yet. */
function reportSelection(app) {
  if (!app.head.report_selection || (REPORTED.get(app.head.key) ?? null) === app.state.bits) return;
  REPORTED.set(app.head.key, app.state.bits);
  app.emit("selection", { bits: toBits(app.selected), revision: app.head.revision });
}

function setMode(app, mode) {
  app.state.mode = mode;
  keepState(app);
  showMode(app);
}
