// Points by the graphics card: the same stamps of coverage as splat.js, looked up in a texture.
// One context off the page serves all maps, for a browser keeps only 16; its picture is copied to the points' layer.
// A renderer in software is slower than splat.js, so it is used only where a test or a header asks for it.

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render|virgl/i;
const CARD = { gl: null, lost: false, hardware: null, stamps: new Map() };

const VERTEX = `#version 300 es
precision highp float;
precision highp int;
layout(location = 0) in vec2 place;
layout(location = 1) in vec4 look; // red, green, blue in 0..1; shape as a byte
layout(location = 2) in float state; // 0 hidden, 1 shown, 2 shown and selected
uniform vec4 origin; // x0 and y0, each as a float and the rest that a float cannot hold
uniform vec2 scale; // pixels per unit
uniform vec2 size; // of the panel, pixels
uniform float reach;
uniform float pass; // which state is drawn now
flat out vec3 colour;
flat out ivec2 stamp; // column and row of the stamp's first cell
void main() {
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 1.0;
  colour = look.rgb;
  stamp = ivec2(0);
  float px = ((place.x - origin.x) - origin.y) * scale.x;
  float py = size.y - ((place.y - origin.z) - origin.w) * scale.y;
  bool inside = px > -reach && px < size.x + reach && py > -reach && py < size.y + reach;
  if (!inside || (pass < 0.0 ? state < 0.5 : abs(state - pass) > 0.5)) return;
  vec2 whole = floor(vec2(px, py));
  ivec2 position = ivec2((vec2(px, py) - whole) * 4.0);
  int cells = 2 * int(reach) + 1;
  stamp = ivec2((position.y * 4 + position.x) * cells, int(look.a * 255.0 + 0.5) * cells);
  vec2 middle = whole + 0.5 + reach;
  vec2 canvas = size + 2.0 * reach;
  gl_Position = vec4(middle.x / canvas.x * 2.0 - 1.0, 1.0 - middle.y / canvas.y * 2.0, 0.0, 1.0);
  gl_PointSize = float(cells);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D stamps;
uniform float reach;
uniform float strength; // of 255
flat in vec3 colour;
flat in ivec2 stamp;
out vec4 result;
void main() {
  int cells = 2 * int(reach) + 1;
  ivec2 cell = min(ivec2(gl_PointCoord * float(cells)), ivec2(cells - 1));
  float coverage = texelFetch(stamps, stamp + cell, 0).r * 255.0;
  float alpha = floor((coverage * strength + 127.0) / 256.0) / 255.0;
  if (alpha <= 0.0) discard;
  result = vec4(colour * alpha, alpha);
}`;

/** Does a throw-away canvas get a real graphics card? Asked once. */
function hasHardware() {
  if (CARD.hardware === null) {
    const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
    const info = gl?.getExtension("WEBGL_debug_renderer_info");
    const name = gl ? String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : "";
    CARD.hardware = isHardware(name);
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return CARD.hardware;
}

/** Is this the name of a graphics card, and not of a program that plays one? */
export function isHardware(name) {
  return name !== "" && !SOFTWARE.test(name);
}

/** "webgl" or "splat": what the header forces, else what the machine has; splat where the card has been lost. */
function backendOf(app) {
  const { renderer } = app.head;
  if (renderer === "splat" || CARD.lost || (renderer === "auto" && !hasHardware())) return "splat";
  return openCard() ? "webgl" : "splat";
}

function openCard() {
  if (CARD.gl) return true;
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { antialias: false, depth: false });
  try {
    if (!gl) throw new Error("no WebGL 2");
    CARD.program = linked(gl);
  } catch (error) {
    console.warn("latent map: points are drawn without WebGL:", error.message);
    CARD.lost = true;
    return false;
  }
  canvas.addEventListener("webglcontextlost", loseCard);
  for (const name of ["origin", "scale", "size", "reach", "pass", "stamps", "strength"]) {
    CARD[`u_${name}`] = gl.getUniformLocation(CARD.program, name);
  }
  gl.useProgram(CARD.program);
  gl.uniform1i(CARD.u_stamps, 0);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  CARD.gl = gl;
  return true;
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "shader");
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "program");
  return program;
}

/** The context is gone (the system took the card, or a driver fell): splat draws every map from now on. */
function loseCard() {
  CARD.lost = true;
  CARD.gl = null;
  CARD.stamps.clear();
  for (const app of LIVE) {
    app.stateBuffer = null;
    for (const panel of app.panels) panel.buffer = panel.lookBuffer = null;
    redraw(app, { points: true });
  }
}

/** The stamps of all shapes at one radius as a texture: 16 sub-pixel positions across, shapes down. */
function stampTexture(gl, radius) {
  const name = radius.toFixed(2);
  let texture = CARD.stamps.get(name);
  if (!texture) {
    if (CARD.stamps.size > 32) {
      for (const old of CARD.stamps.values()) gl.deleteTexture(old);
      CARD.stamps.clear();
    }
    const reach = reachOf(radius);
    const cells = 2 * reach + 1;
    const wide = cells * SUB * SUB;
    const data = new Uint8Array(wide * cells * SHAPES.length);
    SHAPES.forEach((shape, row) =>
      stampsFor(shape, radius).forEach((dots, position) => {
        for (let k = 0; k < dots.length; k += 3) {
          data[(row * cells + dots[k + 1] + reach) * wide + position * cells + dots[k] + reach] = dots[k + 2];
        }
      }),
    );
    texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, wide, cells * SHAPES.length, 0, gl.RED, gl.UNSIGNED_BYTE, data);
    for (const what of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, what, gl.NEAREST);
    CARD.stamps.set(name, texture);
  }
  gl.bindTexture(gl.TEXTURE_2D, texture);
}

/** A buffer that holds `data`; filled again only when the array that it was made from is another one. */
function buffered(gl, known, source, make) {
  if (known?.source === source) return known;
  const buffer = known?.buffer ?? gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, make(), gl.STATIC_DRAW);
  return { buffer, source };
}

/** An absent point stands far outside: a card need not know NaN. */
function present(xy) {
  return xy.map((value) => (value === value ? value : 1e20));
}

/** Colour and shape of each point as four bytes. */
function lookBytes({ colour, shape }) {
  return colour.map((one, i) => (one | (shape[i] << 24)) >>> 0);
}

/** 0 hidden, 1 shown, 2 shown and selected. */
function stateBytes({ shown }, mask) {
  return mask ? shown.map((one, i) => (one ? 1 + mask[i] : 0)) : shown;
}

/** Draw a panel's points; the canvas and the place in it where the panel begins, or null when that failed. */
function drawOnCard(app, panel, { xy, paint, mask, view, radius, alpha, faint }) {
  const { gl } = CARD;
  const [width, height] = panel.size;
  const reach = reachOf(radius);
  // A point is cut off as a whole where its middle is: a margin lets those beside the panel reach into it.
  const [wide, high] = [width + 2 * reach, height + 2 * reach];
  const { canvas } = gl;
  CARD.largest ??= gl.getParameter(gl.ALIASED_POINT_SIZE_RANGE)[1];
  if (2 * reach + 1 > CARD.largest) return null;
  if (canvas.width < wide || canvas.height < high) {
    canvas.width = Math.max(canvas.width, wide);
    canvas.height = Math.max(canvas.height, high);
  }
  gl.viewport(0, canvas.height - high, wide, high);
  gl.clear(gl.COLOR_BUFFER_BIT);
  panel.buffer = buffered(gl, panel.buffer, xy, () => present(xy));
  gl.bindBuffer(gl.ARRAY_BUFFER, panel.buffer.buffer);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  panel.lookBuffer = buffered(gl, panel.lookBuffer, paint.colour, () => lookBytes(paint));
  gl.bindBuffer(gl.ARRAY_BUFFER, panel.lookBuffer.buffer);
  gl.enableVertexAttribArray(1);
  gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
  const known = app.stateBuffer ?? {};
  const states = known.mask === mask && known.shown === paint.shown ? known.states : buffered(gl, known.states && { buffer: known.states.buffer }, paint.shown, () => stateBytes(paint, mask));
  gl.bindBuffer(gl.ARRAY_BUFFER, states.buffer);
  gl.enableVertexAttribArray(2);
  gl.vertexAttribPointer(2, 1, gl.UNSIGNED_BYTE, false, 0, 0);
  app.stateBuffer = { states, mask, shown: paint.shown };
  stampTexture(gl, radius);
  const [x0, y0] = [Math.fround(view.x0), Math.fround(view.y0)];
  gl.uniform4f(CARD.u_origin, x0, view.x0 - x0, y0, view.y0 - y0);
  gl.uniform2f(CARD.u_scale, width / (view.x1 - view.x0), height / (view.y1 - view.y0));
  gl.uniform2f(CARD.u_size, width, height);
  gl.uniform1f(CARD.u_reach, reach);
  for (const [pass, strength] of mask ? [[1, faint], [2, alpha]] : [[-1, alpha]]) {
    gl.uniform1f(CARD.u_pass, pass);
    gl.uniform1f(CARD.u_strength, strength);
    gl.drawArrays(gl.POINTS, 0, paint.shown.length);
  }
  return gl.isContextLost() ? null : { canvas, x: reach, y: reach };
}

function dropBuffer(one) {
  if (one && CARD.gl) CARD.gl.deleteBuffer(one.buffer);
}

function dropPanelBuffers(panel) {
  dropBuffer(panel.buffer);
  dropBuffer(panel.lookBuffer);
  panel.buffer = panel.lookBuffer = null;
}

/** Give back what a map holds on the card. */
function dropBuffers(app) {
  dropBuffer(app.stateBuffer?.states);
  for (const panel of app.panels) dropPanelBuffers(panel);
}
