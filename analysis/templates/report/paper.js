// Every figure is drawn before the page is printed, no wider than a sheet can show with letters of a readable size, and what
// is folded is opened.
const SHEET = 1000;
let onPaper = false;
const figures = () => [...document.querySelectorAll(".plot")];
function ontoPaper() {
  if (onPaper) return;
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    folded.dataset.folded = "";
  }
  if (!figures().length) return;
  try {
    plotlyAtOnce();
  } catch (error) {
    figures().forEach(instead);
    return;
  }
  onPaper = true;
  figures().forEach(fitToSheet);
}
function fitToSheet(place) {
  if (!place.querySelector(".main-svg")) {
    near.unobserve(place);
    drawn.set(place, drawWith(window.Plotly, place));
  }
  const width = place.closest(".pair") ? SHEET / 2 : SHEET;
  window.Plotly.relayout(place, { width });
  // From here on pictures shrink with the sheet, whose width is not known yet.
  const container = place.querySelector(".svg-container");
  container.style.maxWidth = width + "px";
  container.style.aspectRatio = width + " / " + container.clientHeight;
  for (const picture of place.querySelectorAll(".main-svg")) {
    picture.setAttribute("viewBox", "0 0 " + picture.getAttribute("width") + " " + picture.getAttribute("height"));
  }
}
function backToScreen() {
  for (const folded of document.querySelectorAll("[data-folded]")) {
    folded.open = false;
    delete folded.dataset.folded;
  }
  if (!onPaper) return;
  onPaper = false;
  for (const place of figures()) {
    Object.assign(place.querySelector(".svg-container").style, { maxWidth: "", aspectRatio: "" });
    for (const picture of place.querySelectorAll(".main-svg")) picture.removeAttribute("viewBox");
    window.Plotly.relayout(place, { width: null, autosize: true });
  }
}
