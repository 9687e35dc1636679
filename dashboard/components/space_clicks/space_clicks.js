// Tells Python which point of a 3-D Plotly chart was clicked: the one that was hovered when the button went down, if it
// comes up again near that place. Plotly's own click is told in the next frame drawn while the button is down: for every
// turn of the chart that begins on a point, and for no click that is quicker than a frame.

const NEAR = 4; // pixels that a click may move
const HEARD = new WeakSet(); // charts that are listened to
const TELL = new WeakMap(); // container -> the function that tells Python; Streamlit gives a new one at times
const OBSERVERS = new WeakMap(); // container -> its observer

function hear(chart, place) {
  HEARD.add(chart);
  let hovered = null;
  chart.on("plotly_hover", (event) => void (hovered = event.points?.[0]?.customdata));
  chart.on("plotly_unhover", () => void (hovered = null));
  const pressed = (down) => {
    const point = hovered;
    if (down.button !== 0 || !Number.isInteger(point)) return;
    const released = (up) => {
      const moved = Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY);
      if (moved <= NEAR && chart.isConnected) TELL.get(place)?.(point);
    };
    window.addEventListener("mouseup", released, { capture: true, once: true });
  };
  chart.addEventListener("mousedown", pressed, true);
}

function hasWebgl() {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return Boolean(context);
}

function sayMissing(parent, sentence) {
  if (parent.querySelector("p") || hasWebgl()) return;
  const words = document.createElement("p");
  words.setAttribute("role", "alert");
  words.textContent = sentence;
  words.style.cssText = "margin: 0; padding: 12px 0; font-family: var(--st-font); color: var(--st-text-color)";
  parent.append(words);
}

export default function spaceClicks({ data, parentElement, setTriggerValue }) {
  const place = parentElement.getRootNode().host?.closest('[data-testid="stVerticalBlock"]');
  if (!place || !data) return undefined;
  sayMissing(parentElement, data.without_webgl);
  TELL.set(place, (id) => setTriggerValue("click", id));
  const look = () => {
    for (const chart of place.querySelectorAll(".js-plotly-plot")) {
      if (chart._fullLayout?.scene && !HEARD.has(chart)) hear(chart, place);
    }
  };
  OBSERVERS.get(place)?.disconnect();
  const observer = new MutationObserver(look);
  OBSERVERS.set(place, observer);
  observer.observe(place, { childList: true, subtree: true });
  look();
  return () => observer.disconnect();
}
