// How a camera noted that a picture has to be turned, and the rule of the network's training for it.

const JPEG = 0xffd8, START_OF_SCAN = 0xda, APP1 = 0xe1, PNG = 0x89504e47;

// The parts of a file without the notes of a camera; the picture is then shown as it is stored.
function withoutNotes(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), kept = [];
  let place = 0;
  const keep = (length) => kept.push(bytes.subarray(place, place + length));
  if (bytes.length > 8 && view.getUint16(0) === JPEG) {
    keep(2);
    place = 2;
    while (place + 4 <= bytes.length && bytes[place] === 0xff && bytes[place + 1] !== START_OF_SCAN) {
      const length = 2 + view.getUint16(place + 2);
      if (bytes[place + 1] !== APP1) keep(length);
      place += length;
    }
  } else if (bytes.length > 8 && view.getUint32(0) === PNG) {
    keep(8);
    place = 8;
    while (place + 12 <= bytes.length) {
      const length = 12 + view.getUint32(place);
      if (String.fromCharCode(...bytes.subarray(place + 4, place + 8)) !== "eXIf") keep(length);
      place += length;
    }
  }
  keep(bytes.length);
  return new Blob(kept);
}

// Colours are those of the file, as the training read them.
function decoded(blob) {
  return createImageBitmap(blob, { colorSpaceConversion: "none" });
}

function pixelsOf(source, width, height) {
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

// The picture of a file as the rule says: turned, as stored, or refused where the two differ.
async function pictureOf(file, rule) {
  let shown, stored;
  try {
    shown = await decoded(file);
    stored = rule === "apply" ? shown : await decoded(withoutNotes(new Uint8Array(await file.arrayBuffer())));
  } catch (error) {
    throw new Error(`${file.name} must be a picture that this browser shows, such as JPEG or PNG.`);
  }
  const bitmap = rule === "apply" ? shown : stored;
  const pixels = pixelsOf(bitmap, bitmap.width, bitmap.height);
  if (rule === "stop") {
    const other = pixelsOf(shown, shown.width, shown.height);
    if (other.width !== pixels.width || other.data.some((value, index) => value !== pixels.data[index])) {
      throw new Error(`${file.name} must be stored upright, because the network's training took no other pictures.`);
    }
  }
  return pixels;
}
