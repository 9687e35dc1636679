// Points of a probe set, epoch by epoch, on axes that stand still. Frames are what was recorded: nothing is made up
// between two of them. What the reader chose (place, speed, hidden classes) stays when newer frames come.

const FILMS = new WeakMap(); // root element -> its film
const LENGTH = 8; // seconds that all frames take at speed 1
const SLOWEST = 3; // frames a second, and
const FASTEST = 60;
const MARGIN = { left: 52, right: 10, top: 8, bottom: 40 };
const RADIUS = 2.6;

/** Values for the ticks of an axis: steps of 1, 2 or 5 times a power of ten. */
function ticks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function makeFilm(root) {
  const find = (selector) => root.querySelector(selector);
  const film = {
    root, bar: find(".bar"), play: find(".play"), place: find(".place"), speed: find(".speed select"),
    said: find(".said"), canvas: find("canvas"), legend: find(".legend"),
    head: null, frames: null, labels: null, at: 0, playing: null, hidden: new Set(), seen: {},
  };
  film.play.onclick = () => (film.playing ? stop(film) : start(film));
  film.place.oninput = () => {
    stop(film);
    film.at = Number(film.place.value);
    draw(film);
  };
  new ResizeObserver(() => film.head && draw(film)).observe(root);
  return film;
}

function start(film) {
  const count = film.head.epochs.length;
  if (film.at >= count - 1) film.at = 0;
  const begun = { at: film.at, when: performance.now() };
  const step = (now) => {
    if (!film.playing || !film.root.isConnected) return void stop(film);
    const rate = Math.min(FASTEST, Math.max(SLOWEST, count / LENGTH)) * Number(film.speed.value);
    if (rate !== begun.rate) Object.assign(begun, { rate, at: film.at, when: now });
    const at = Math.min(count - 1, begun.at + Math.floor(((now - begun.when) / 1000) * rate));
    if (at !== film.at) {
      film.at = at;
      draw(film);
    }
    if (film.at >= count - 1) return void stop(film);
    film.playing = requestAnimationFrame(step);
  };
  film.playing = requestAnimationFrame(step);
  name(film);
}

function stop(film) {
  if (film.playing) cancelAnimationFrame(film.playing);
  film.playing = null;
  name(film);
}

function name(film) {
  film.play.textContent = film.playing ? "❚❚" : "▶";
  film.play.setAttribute("aria-label", film.playing ? "Pause" : "Play");
}

/** A range that only grows while a film of one frame is replaced by its next one, so that the axes do not tremble. */
function rangesOf(film) {
  const { head, seen } = film;
  if (head.epochs.length > 1 || seen.of !== head.of) film.seen = { of: head.of, ranges: head.ranges };
  else film.seen.ranges = head.ranges.map(([a, b], k) => [Math.min(a, seen.ranges[k][0]), Math.max(b, seen.ranges[k][1])]);
  return film.seen.ranges;
}

function draw(film) {
  const { canvas, head, root } = film;
  const style = getComputedStyle(root);
  const text = style.getPropertyValue("--text");
  const across = root.clientWidth;
  if (!across) return;
  const down = Math.round(Math.min(head.height, Math.max(260, 0.85 * across)));
  const ratio = (window.devicePixelRatio || 1) * (Number(style.zoom) || 1);
  canvas.style.height = `${down}px`;
  const size = [Math.round(across * ratio), Math.round(down * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, across, down);
  const box = { left: MARGIN.left, top: MARGIN.top, right: across - MARGIN.right, bottom: down - MARGIN.bottom };
  const scales = scalesOf(film.ranges, box, head.equal);
  drawAxes(pen, film, box, scales, text, style.fontFamily);
  drawPoints(pen, film, box, scales);
  film.place.value = film.at;
  const epoch = head.epochs[film.at];
  film.said.textContent = epoch === 0 ? "before training" : `epoch ${epoch.toLocaleString("en")} of ${head.of_epochs.toLocaleString("en")}`;
  film.place.setAttribute("aria-valuetext", film.said.textContent);
  canvas.setAttribute("aria-label", `${head.alt}: ${film.said.textContent}`);
  root.dataset.epoch = epoch;
}

/** Units to pixels for both axes; where both have one unit, one of them is as long in both directions. */
function scalesOf(ranges, box, equal) {
  const room = [box.right - box.left, box.bottom - box.top];
  const per = ranges.map(([low, high], k) => room[k] / (high - low || 1));
  if (equal) per[0] = per[1] = Math.min(...per);
  const middle = ranges.map(([low, high]) => (low + high) / 2);
  const at = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  return {
    x: (value) => at[0] + (value - middle[0]) * per[0],
    y: (value) => at[1] - (value - middle[1]) * per[1],
    shown: middle.map((one, k) => [one - room[k] / per[k] / 2, one + room[k] / per[k] / 2]),
  };
}

function drawAxes(pen, film, box, { x, y, shown }, text, family) {
  const { titles, marked } = film.head;
  pen.font = `12px ${family}`;
  pen.fillStyle = pen.strokeStyle = text;
  const line = (from, to, faint) => {
    pen.globalAlpha = faint;
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    pen.globalAlpha = 0.75;
  };
  pen.textAlign = "center";
  const alongX = ticks(...shown[0], Math.floor((box.right - box.left) / 70));
  for (const value of alongX.found) {
    line([x(value), box.top], [x(value), box.bottom], value === 0 ? 0.3 : 0.09);
    pen.fillText(value.toFixed(alongX.digits), x(value), box.bottom + 15);
  }
  pen.fillText(titles[0], (box.left + box.right) / 2, box.bottom + 33);
  pen.textAlign = "right";
  const alongY = marked ? ticks(...shown[1], Math.floor((box.bottom - box.top) / 50)) : { found: [] };
  for (const value of alongY.found) {
    line([box.left, y(value)], [box.right, y(value)], value === 0 ? 0.3 : 0.09);
    pen.fillText(value.toFixed(alongY.digits), box.left - 6, y(value) + 4);
  }
  pen.save();
  pen.translate(12, (box.top + box.bottom) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(titles[1], 0, 0);
  pen.restore();
  pen.globalAlpha = 0.3;
  pen.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  pen.globalAlpha = 1;
}

function drawPoints(pen, film, box, { x, y }) {
  const { frames, labels, head } = film;
  const first = film.at * labels.length * 2;
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  pen.clip();
  pen.globalAlpha = 0.8;
  const paths = head.colours.map(() => new Path2D());
  let drawn = 0;
  for (let k = 0; k < labels.length; k++) {
    const [a, b] = [frames[first + 2 * k], frames[first + 2 * k + 1]];
    if (film.hidden.has(labels[k]) || !Number.isFinite(a) || !Number.isFinite(b)) continue;
    const path = paths[labels[k]];
    path.moveTo(x(a) + RADIUS, y(b));
    path.arc(x(a), y(b), RADIUS, 0, 2 * Math.PI);
    drawn += 1;
  }
  paths.forEach((path, k) => {
    pen.fillStyle = head.colours[k];
    pen.fill(path);
  });
  pen.restore();
  film.root.dataset.drawn = drawn;
}

/** One button a class that is there; names come from people: they are set as text. */
function drawLegend(film) {
  const { legend, head } = film;
  const wanted = JSON.stringify([head.classes, head.colours]);
  if (legend.dataset.of === wanted) return;
  legend.dataset.of = wanted;
  legend.replaceChildren();
  head.classes.forEach((title, k) => {
    if (!head.present[k]) return;
    const button = legend.appendChild(document.createElement("button"));
    button.type = "button";
    button.appendChild(document.createElement("i")).style.background = head.colours[k];
    button.appendChild(document.createElement("span")).textContent = title;
    button.title = title;
    const press = () => button.setAttribute("aria-pressed", String(!film.hidden.has(k)));
    button.onclick = () => {
      film.hidden.has(k) ? film.hidden.delete(k) : film.hidden.add(k);
      press();
      draw(film);
    };
    press();
  });
}

export default function film({ data, parentElement }) {
  const root = parentElement.querySelector("[data-testid=film]");
  if (!root || !data) return undefined;
  const known = FILMS.has(root);
  const one = known ? FILMS.get(root) : makeFilm(root);
  FILMS.set(root, one);
  const { head, sections } = unpack(data);
  const before = one.head;
  const epoch = before?.epochs[one.at];
  const atEnd = !before || one.at >= before.epochs.length - 1;
  one.head = head;
  one.frames = sections.get("frames").read();
  one.labels = sections.get("labels").read();
  if (before && before.of !== head.of) one.hidden.clear();
  one.ranges = rangesOf(one);
  const last = head.epochs.length - 1;
  one.at = atEnd && !one.playing ? last : Math.max(0, head.epochs.findLastIndex((its) => its <= epoch));
  one.place.max = last;
  one.bar.hidden = last < 1;
  if (last < 1) stop(one);
  name(one);
  drawLegend(one);
  draw(one);
  if (!known) takeOwnHeight(root);
  return undefined;
}
