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

/* What widgets leave out for screen readers: a slider's name and value, and that the picture beside a control
   changes with it. */
const describeWidgets = (root) => {
  for (const handle of root.querySelectorAll(".noUi-handle")) {
    const slider = handle.closest(".widget-hslider");
    handle.setAttribute("aria-label", slider.querySelector(".widget-label").textContent);
    const readout = slider.querySelector(".widget-readout");
    const value = () => handle.setAttribute("aria-valuetext", readout.textContent);
    if (!handle.hasAttribute("aria-valuetext")) new MutationObserver(value).observe(readout, { childList: true });
    value();
  }
  for (const shown of root.querySelectorAll(".widget-stack")) shown.setAttribute("aria-live", "polite");
};

/* Whatever scrolls sideways can be reached with the keyboard. */
const reachScrollers = () => {
  for (const box of document.querySelectorAll(".bd-article div.math, .camp-figure .scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};

window.addEventListener("load", () => {
  for (const output of document.querySelectorAll(".cell_output")) {
    new MutationObserver((_, observer) => {
      if (!output.querySelector(".camp-explorer .widget-stack .widget-html-content")) return;
      observer.disconnect();
      describeWidgets(output);
    }).observe(output, { childList: true, subtree: true });
  }
  reachScrollers();
  window.addEventListener("resize", reachScrollers);
  window.MathJax?.startup?.promise.then(reachScrollers);
});
