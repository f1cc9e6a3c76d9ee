// The arithmetic on both sides of the network, as infer.py has it: a box to its crop, and heatmaps to keypoints.
// A heatmap is a list of cells, row by row, with its width and height.

const FLOOR = 1e-10;  // smallest share of the peak that a logarithm sees

// Scale and shift of each axis, from pixels of the picture to those of the network's input, widened to the input's shape.
function cropOf([x, y, boxWidth, boxHeight], settings) {
  const [height, width] = settings.input_size, ratio = width / height;
  const wide = Math.max(boxWidth, boxHeight * ratio) * settings.padding;
  const high = Math.max(boxHeight, boxWidth / ratio) * settings.padding;
  const less = settings.unbiased ? 1 : 0;
  const scale = settings.unbiased ? [(width - 1) / wide, (height - 1) / high] : [width / wide, width / wide];
  const shift = [(width - less) / 2 - scale[0] * (x + boxWidth / 2), (height - less) / 2 - scale[1] * (y + boxHeight / 2)];
  return { scale, shift };
}

// OpenCV computes in single precision; in double, one value in fifty would round to its neighbour.
const single = Math.fround;

function between(one, other, share) {
  return single(one + single(share * single(other - one)));
}

// For each cell of an input axis: the pixel before its place, and the share of the pixel behind it.
function places(count, scale, shift) {
  const step = single(1 / scale), first = single(-shift / scale);
  return Array.from({ length: count }, (_, cell) => {
    const place = single(single(cell * step) + first), before = Math.floor(place);
    return [before, place - before];
  });
}

// Halves go to the even neighbour, as in OpenCV.
function rounded(value) {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

// The crop as normalised planes of red, green and blue; bilinear, black outside of the picture.
function inputOf(picture, crop, settings) {
  const [height, width] = settings.input_size, area = height * width;
  const columns = places(width, crop.scale[0], crop.shift[0]), rows = places(height, crop.scale[1], crop.shift[1]);
  const value = (x, y, channel) =>
    x < 0 || y < 0 || x >= picture.width || y >= picture.height ? 0 : picture.data[4 * (y * picture.width + x) + channel];
  const planes = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    const gain = 1 / (255 * settings.std[channel]), bias = -settings.mean[channel] / settings.std[channel];
    rows.forEach(([y, down], row) => columns.forEach(([x, right], column) => {
      const upper = between(value(x, y, channel), value(x + 1, y, channel), right);
      const lower = between(value(x, y + 1, channel), value(x + 1, y + 1, channel), right);
      planes[channel * area + row * width + column] = rounded(between(upper, lower, down)) * gain + bias;
    }));
  }
  return planes;
}

// Heatmaps (K, h, w) to keypoints in pixels of the picture: x, y and the height of the peak.
function keypointsOf(values, [count, height, width], crop, settings) {
  return Array.from({ length: count }, (_, index) => {
    const cells = values.subarray(index * height * width, (index + 1) * height * width);
    const heatmap = { cells, height, width };
    let peak = 0;
    for (let cell = 1; cell < cells.length; cell++) if (cells[cell] > cells[peak]) peak = cell;
    const x = peak % width, y = Math.floor(peak / width);
    const step = settings.codec === "msra" ? quarterStep(heatmap, x, y) : newtonStep(heatmap, x, y, settings);
    const place = [x + step[0], y + step[1]].map((cell, axis) =>
      (cell * settings.stride[axis] - crop.shift[axis]) / crop.scale[axis]);
    return { x: place[0], y: place[1], score: cells[peak] };
  });
}

// A quarter of a cell toward the higher neighbours, none near a border; to cell (-1, -1) without a value above 0.
function quarterStep({ cells, width, height }, x, y) {
  const at = y * width + x;
  if (!(cells[at] > 0)) return [-1 - x, -1 - y];
  if (!(x > 1 && x < width - 1 && y > 1 && y < height - 1)) return [0, 0];
  return [Math.sign(cells[at + 1] - cells[at - 1]) / 4, Math.sign(cells[at + width] - cells[at - width]) / 4];
}

// From the highest cell to the top of the Gaussian around it: the logarithm of the smoothed map is a parabola.
// No step along an axis that has too few cells, nor where the map has no peak.
function newtonStep(heatmap, x, y, settings) {
  const reach = settings.reach, one = reach - 1, two = reach + 1;
  const window = smoothed(heatmap, x, y, settings), middle = window[reach][reach];
  if (!(middle > 0)) return [0, 0];
  const log = window.map((row) => row.map((cell) => Math.log(Math.max(cell / middle, FLOOR))));
  const derivatives = (line) => [(line[two] - line[one]) / 2, (line[2 * reach] - 2 * line[reach] + line[0]) / reach ** 2];
  const across = derivatives(log[reach]), down = derivatives(log.map((row) => row[reach]));
  const within = (step) => (Math.max(...step.map(Math.abs)) <= reach ? step : [0, 0]);
  const usable = [reach <= x && x < heatmap.width - reach, reach <= y && y < heatmap.height - reach];
  if (!(usable[0] && usable[1])) {
    return within([across, down].map(([slope, bend], axis) => (usable[axis] && bend < 0 ? -slope / bend : 0)));
  }
  const mixed = (log[two][two] - log[one][two] - log[two][one] + log[one][one]) / 4;
  const determinant = across[1] * down[1] - mixed ** 2;
  if (across[1] >= 0 || down[1] >= 0 || determinant <= 1e-6 * across[1] * down[1]) return [0, 0];
  return within([
    (mixed * down[0] - down[1] * across[0]) / determinant,
    (mixed * across[0] - across[1] * down[0]) / determinant,
  ]);
}

// The smoothed cells around (x, y), (2 reach + 1) squared.
function smoothed({ cells, width, height }, x, y, settings) {
  const horizontal = band(x, width, settings);
  return band(y, height, settings).map((rows) => horizontal.map((columns) => {
    let sum = 0;
    for (const [row, one] of rows) for (const [column, other] of columns) sum += one * other * cells[row * width + column];
    return sum;
  }));
}

// For each cell of one axis around `center`, the cells that it is the mean of, with their weights; near an edge they narrow.
function band(center, side, { reach, sigma }) {
  const longest = Math.max(1, Math.floor(3 * sigma) - 1);
  const widest = Math.min(Math.max(Math.min(center, side - 1 - center) - reach, 0), longest);
  return Array.from({ length: 2 * reach + 1 }, (_, index) => {
    const middle = center + index - reach, found = [];
    for (let cell = Math.max(middle - widest, 0); cell <= Math.min(middle + widest, side - 1); cell++) {
      found.push([cell, Math.exp(-((cell - middle) ** 2) / (2 * sigma ** 2))]);
    }
    return found;
  });
}
