/* A click on a box of an explorable's drawing picks it in the list beside it. The list itself needs no script of
   ours, neither for the mouse nor for the keyboard. */
document.addEventListener("click", (event) => {
  const box = event.target instanceof Element && event.target.closest(".camp-explorer [data-pick]");
  if (!box) return;
  const list = box.closest(".camp-explorer").querySelector("select");
  list.selectedIndex = Number(box.dataset.pick);
  list.dispatchEvent(new Event("change", { bubbles: true }));
});

/* The widget manager asks MathJax 2 to set formulas in labels. The book has MathJax 3: hand the request over. */
document.addEventListener("DOMContentLoaded", () => {
  if (!window.MathJax || window.MathJax.Hub) return;
  window.MathJax.Hub = { Queue: ([, , element]) => window.MathJax.typesetPromise?.([element].flat()) };
});
