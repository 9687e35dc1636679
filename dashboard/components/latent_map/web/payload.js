// The browser's half of payload.py: bytes -> header and typed sections; bitsets for selections.

const MAGIC = "VLM1";
const TYPES = { float32: Float32Array, uint32: Uint32Array, uint8: Uint8Array };

/**
 * Read a payload. Sections are copied when `read()` is called: Streamlit hands over a view at an odd offset, on which
 * a Float32Array cannot stand, and a section that is known by its hash need not be copied at all.
 */
export function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== MAGIC) throw new Error(`latent map: expected ${MAGIC}, got ${magic}`);
  const length = view.getUint32(4, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const body = bytes.byteOffset + 8 + length;
  const sections = new Map();
  for (const entry of head.sections) {
    const start = body + entry.offset;
    const read = () => new TYPES[entry.type](bytes.buffer.slice(start, start + entry.bytes));
    sections.set(entry.name, { hash: entry.hash, read });
  }
  return { head, sections };
}

/** A mask of 0 and 1 as base64, least significant bit first: 10,000 points are 1.7 kB. */
export function toBits(mask) {
  const raw = new Uint8Array((mask.length + 7) >> 3);
  for (let i = 0; i < mask.length; i++) if (mask[i]) raw[i >> 3] |= 1 << (i & 7);
  let text = "";
  for (let i = 0; i < raw.length; i += 8192) text += String.fromCharCode(...raw.subarray(i, i + 8192));
  return btoa(text);
}

/** The other way; `bits` is base64 or the bytes themselves. */
export function fromBits(bits, count) {
  const raw = typeof bits === "string" ? Uint8Array.from(atob(bits), (c) => c.charCodeAt(0)) : bits;
  const mask = new Uint8Array(count);
  for (let i = 0; i < count; i++) mask[i] = (raw[i >> 3] >> (i & 7)) & 1;
  return mask;
}
