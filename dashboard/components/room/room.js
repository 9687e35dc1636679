// Tells Python by how much the style sheet enlarges the page, where that is another factor than it knows.
// A session begins with the factor that a cookie names. Where that is wrong, the page is loaded once more before anything
// is drawn: a rerun at this moment would overtake the first values of the widgets.

const COOKIE = "vaescope_room";
const ROOM = { known: 1, tell: null, waiting: null };

function scaleOfPage() {
  return Number(getComputedStyle(document.documentElement).getPropertyValue("--room")) || 1;
}

/** Keep the factor for the next session of this browser; false where cookies are switched off. */
function keep(scale) {
  document.cookie = `${COOKIE}=${scale}; path=/; max-age=31536000; samesite=strict`;
  return document.cookie.split("; ").includes(`${COOKIE}=${scale}`);
}

/** Has this tab not been loaded once more for this factor yet? Else a cookie that does not arrive would load it for ever. */
function firstTime(scale) {
  try {
    if (sessionStorage.getItem(COOKIE) === String(scale)) return false;
    sessionStorage.setItem(COOKIE, String(scale));
    return true;
  } catch {
    return false;
  }
}

/** The window has another size: tell of the last one, when the page's script has ended. */
function look() {
  const scale = scaleOfPage();
  if (scale === ROOM.known || !ROOM.tell) return;
  if (document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning") {
    lookSoon();
    return;
  }
  ROOM.known = scale;
  keep(scale);
  ROOM.tell("scale", scale);
}

function lookSoon() {
  clearTimeout(ROOM.waiting);
  ROOM.waiting = setTimeout(look, 300);
}

window.addEventListener("resize", lookSoon);

export default function room({ data, setTriggerValue }) {
  ROOM.known = data.known;
  ROOM.tell = setTriggerValue;
  const scale = scaleOfPage();
  if (data.fresh && scale !== data.known && keep(scale) && firstTime(scale)) window.location.reload();
}
