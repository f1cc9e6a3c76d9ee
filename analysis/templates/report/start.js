// What happens when the page is opened.
update();
if (axes.size) {
  buildBudget();
  for (const field of document.querySelectorAll('input[name="axis"]')) {
    field.addEventListener("change", () => { axis = field.value; if (window.Plotly) drawFront(window.Plotly); });
  }
  $("axis").hidden = axes.size < 2;
}
buildTable();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
}, { rootMargin: "300px" });
// The page is painted before 5 MB of script are unpacked for it.
requestAnimationFrame(() => setTimeout(() => {
  document.querySelectorAll(".plot").forEach((place) => near.observe(place));
  if (asked()) open(Number(asked()[1]));
}));
window.addEventListener("beforeprint", ontoPaper);
window.addEventListener("afterprint", backToScreen);
window.matchMedia("print").addEventListener("change", (event) => (event.matches ? ontoPaper() : backToScreen()));
