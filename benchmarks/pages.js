// What `benchmarks/pages.py` asks of a page: what is still missing, how long something took, how much was shifted.

window.__shift = 0;
window.__shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.__shift += entry.value;
    window.__shifts.push([entry.value, entry.sources.map((one) => `${one.node?.textContent?.slice(0, 40)}: ${one.previousRect.y} > ${one.currentRect.y}`)]);
  }
}).observe({ type: "layout-shift", buffered: true });

window.__bench = {
  main: () => document.querySelector("[data-testid=stMain]"),
  titled(title) {
    return this.main()?.querySelector("h1")?.textContent.trim() === title ? null : "the title";
  },
  maps() {
    const roots = [...this.main().querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    return roots.map((one) => one.querySelector("[data-testid=latent-map]")).filter(Boolean);
  },
  /** What keeps the page from being painted, all of it or what lies in the window, or null. */
  missing(title, inWindow = false) {
    const main = this.main();
    const seen = (one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return !inWindow || (top < innerHeight && bottom > 0);
    };
    // what lies in a closed expander is not drawn before it is opened
    const bad = (name, test) => [...main.querySelectorAll(name)].find((one) => one.checkVisibility() && seen(one) && !test(one));
    if (this.titled(title)) return "the title";
    const ended = document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning";
    if (!ended && !(inWindow && main.querySelector("[data-testid=stMainBlockContainer] > *").getBoundingClientRect().bottom > innerHeight))
      return "the script's end";
    if (bad("[data-stale=true]", () => false)) return "the end of what is stale";
    if (bad("[data-testid=stSkeleton], [data-testid=stSpinner], [data-testid=stProgress]", () => false)) return "the end of a wait";
    if (bad("img", (one) => one.complete && one.naturalWidth)) return "a picture";
    if (bad("[data-testid=stPlotlyChart]", (one) => one.querySelector(".main-svg"))) return "a chart";
    if (bad("[data-testid=stDataFrame]", (one) => one.querySelector("canvas"))) return "a table";
    return this.maps().every((map) => map.dataset.ready === "true" || !seen(map)) ? null : "a map";
  },
  /** What keeps the page's maps from being drawn, or null. */
  notReady(title) {
    if (this.titled(title)) return "the title";
    const maps = this.maps();
    return maps.length && maps.every((map) => map.dataset.ready === "true") ? null : "a map";
  },
  /** Milliseconds from `start` to the first frame after which nothing is missing. */
  async until(missing, start) {
    const frame = () => new Promise(requestAnimationFrame);
    for (let what = missing(); what; what = missing()) {
      await frame();
      if (performance.now() - start > 60000) throw new Error(`missing for a minute: ${what}`);
    }
    await frame();
    return performance.now() - start;
  },
  painted(title, start) {
    return this.until(() => this.missing(title), start);
  },
  rest: (milliseconds) => new Promise((go) => setTimeout(go, milliseconds)),
  /** Follow a link of the sidebar. */
  async go(link, title, maps) {
    await this.rest(300);
    window.__shift = 0;
    window.__shifts = [];
    const start = performance.now();
    link.click();
    const times = { title: await this.until(() => this.titled(title), start) };
    if (!maps) times.window = await this.until(() => this.missing(title, true), start);
    if (maps) times.ready = await this.until(() => this.notReady(title), start);
    times.painted = await this.painted(title, start);
    await this.rest(700);
    return { ...times, shift: window.__shift };
  },
  /** A tab that has just been opened; times count from its navigation. */
  async opened(title) {
    const shown = await this.until(() => this.titled(title), 0);
    const ready = await this.until(() => this.notReady(title), 0);
    return { title: shown, ready, painted: await this.painted(title, 0) };
  },
  /** Click on a point of MNIST's test images, and wait for both images of its card. */
  async card(point, click) {
    const picture = (alt) => this.main().querySelector(`img[alt^="${alt}"]`);
    const old = picture("Reconstruction at the mean")?.src;
    const missing = () => {
      if (!this.main().textContent.includes(`test image ${point}`)) return "the card's words";
      const pair = [picture("Original"), picture("Reconstruction at the mean")];
      if (!pair.every((one) => one?.complete && one.naturalWidth)) return "a picture";
      return pair[1].src === old ? "the new picture" : null;
    };
    await this.rest(300);
    window.__shift = 0;
    window.__shifts = [];
    const start = performance.now();
    click();
    const time = await this.until(missing, start);
    await this.painted("Latent space", start);
    await this.rest(500);
    return { time, shift: window.__shift };
  },
};
