// gzip unpacked at once, by RFC 1951 and 1952: a browser that is about to print waits for no stream.
const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577];
const extraOfLength = (symbol) => (symbol < 8 || symbol === 28 ? 0 : (symbol >> 2) - 1);
const extraOfDistance = (symbol) => (symbol < 4 ? 0 : (symbol >> 1) - 1);
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LAST_HEADER_BYTE = 10, END_OF_BLOCK = 256;
function gunzipped(source) {
  const made = new Uint8Array(new DataView(source.buffer).getUint32(source.length - 4, true));
  let place = LAST_HEADER_BYTE, written = 0, bits = 0, known = 0;
  function take(count) {
    if (place > source.length) throw new Error("the packed library is cut off");
    while (known < count) { bits |= source[place++] << known; known += 8; }
    const value = bits & ((1 << count) - 1);
    bits >>>= count;
    known -= count;
    return value;
  }
  // A canonical Huffman code: how many symbols have each length, and the symbols in order of their codes.
  function code(lengths) {
    const counts = new Uint16Array(16), symbols = [];
    for (let length = 1; length < 16; length++) {
      lengths.forEach((each, symbol) => { if (each === length) { counts[length]++; symbols.push(symbol); } });
    }
    return { counts, symbols };
  }
  function symbolOf({ counts, symbols }) {
    let value = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length++) {
      value |= take(1);
      if (value - counts[length] < first) return symbols[index + value - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      value <<= 1;
    }
    throw new Error("the packed library is damaged");
  }
  function dynamicCodes() {
    const literals = take(5) + 257, distances = take(5) + 1, count = take(4) + 4;
    const lengths = new Array(19).fill(0), all = [];
    for (let k = 0; k < count; k++) lengths[ORDER[k]] = take(3);
    const outer = code(lengths);
    while (all.length < literals + distances) {
      const symbol = symbolOf(outer);
      if (symbol < 16) all.push(symbol);
      else if (symbol === 16) all.push(...new Array(3 + take(2)).fill(all[all.length - 1]));
      else all.push(...new Array(symbol === 17 ? 3 + take(3) : 11 + take(7)).fill(0));
    }
    return [code(all.slice(0, literals)), code(all.slice(literals))];
  }
  const fixed = Array.from({ length: 288 }, (_, k) => (k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8));
  let last = 0;
  while (!last) {
    last = take(1);
    const kind = take(2);
    if (kind === 0) {
      bits = known = 0;
      const size = source[place] | (source[place + 1] << 8);
      made.set(source.subarray(place + 4, place + 4 + size), written);
      place += 4 + size;
      written += size;
      continue;
    }
    const [literals, distances] = kind === 1 ? [code(fixed), code(new Array(30).fill(5))] : dynamicCodes();
    for (let symbol = symbolOf(literals); symbol !== END_OF_BLOCK; symbol = symbolOf(literals)) {
      if (symbol < END_OF_BLOCK) { made[written++] = symbol; continue; }
      const size = LENGTHS[symbol - 257] + take(extraOfLength(symbol - 257)), far = symbolOf(distances);
      const from = written - DISTANCES[far] - take(extraOfDistance(far));
      for (let k = 0; k < size; k++) made[written++] = made[from + k];
    }
  }
  return made;
}
