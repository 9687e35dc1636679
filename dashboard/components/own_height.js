// From a room that is kept free to a component's own height, so that nothing below a component jumps while its script is
// on the way. Python passes about the height that it will have on a wide page, and Streamlit pins that height. Once the
// component stands it takes what its own width asks for, and that is kept free when the page is opened again.

const ROOMS = "vaescope-rooms"; // id of the style sheet that holds them, one rule a component

function takeOwnHeight(root) {
  const host = root.getRootNode().host;
  const outer = host?.closest("[data-testid=stElementContainer]");
  if (!outer || outer.dataset.ownHeight) return;
  outer.dataset.ownHeight = "true";
  for (let el = host; el; el = el === outer ? null : el.parentElement) {
    for (const [name, value] of [["height", "auto"], ["flex-basis", "auto"], ["overflow", "visible"]]) {
      el.style.setProperty(name, value, "important");
    }
  }
  const name = [...outer.classList].find((one) => one.startsWith("st-key-"));
  if (name) new ResizeObserver(([entry]) => keepRoom(name, Math.round(entry.contentRect.height))).observe(outer);
}

/** The room that a component with this class finds when it is mounted next. */
function keepRoom(name, height) {
  if (!height) return; // taken out of the page
  let sheet = document.getElementById(ROOMS);
  if (!sheet) {
    sheet = document.head.appendChild(document.createElement("style"));
    sheet.id = ROOMS;
  }
  const selector = `.${CSS.escape(name)}`;
  const rule = `${selector} { height: ${height}px !important; flex-basis: ${height}px !important; overflow: hidden !important; }`;
  const at = [...sheet.sheet.cssRules].findIndex((one) => one.selectorText === selector);
  if (at >= 0) sheet.sheet.deleteRule(at);
  sheet.sheet.insertRule(rule);
}
