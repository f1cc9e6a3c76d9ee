// A picture with the limbs and keypoints of some confidence, and the keypoints as rows of a table.

const DRAWN = 0.2;  // confidence from which a keypoint is drawn
const LIMB = "#ffb000", SPOT = "#00c2ff", RIM = "#ffffff";

function draw(canvas, picture, keypoints, settings) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.hidden = false;
  const context = canvas.getContext("2d"), size = Math.max(1, Math.round(Math.max(picture.width, picture.height) / 300));
  context.putImageData(picture, 0, 0);
  const sure = keypoints.map((point) => point.score >= DRAWN);
  context.lineWidth = size;
  context.strokeStyle = LIMB;
  for (const [start, end] of settings.limbs) {
    if (!sure[start] || !sure[end]) continue;
    context.beginPath();
    // A pixel's middle has whole numbers here, and halves on a canvas.
    context.moveTo(keypoints[start].x + 0.5, keypoints[start].y + 0.5);
    context.lineTo(keypoints[end].x + 0.5, keypoints[end].y + 0.5);
    context.stroke();
  }
  keypoints.forEach((point, index) => {
    if (!sure[index]) return;
    for (const [radius, colour] of [[size + 1, RIM], [size, settings.colours[index] || SPOT]]) {
      context.beginPath();
      context.fillStyle = colour;
      context.arc(point.x + 0.5, point.y + 0.5, radius, 0, 2 * Math.PI);
      context.fill();
    }
  });
}

function fillTable(body, keypoints, settings) {
  const rows = keypoints.map((point, index) => {
    const row = document.createElement("tr"), name = document.createElement("th");
    name.scope = "row";
    name.textContent = settings.keypoints[index];
    row.append(name);
    for (const [value, digits] of [[point.x, 2], [point.y, 2], [point.score, 3]]) {
      row.insertCell().textContent = value.toFixed(digits);
    }
    return row;
  });
  body.replaceChildren(...rows);
}
