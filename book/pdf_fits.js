/* Runs in the whole book as it will be printed: tables that are too wide break their words;
   then a line for each thing that is still wider than the sheet. */
(width) => {
  for (const table of document.querySelectorAll(".camp-print table")) {
    if (table.getBoundingClientRect().right > width + 1) table.classList.add("camp-tight");
  }
  const found = [];
  const say = (element, right) => {
    const place = element.closest(".chapter")?.id ?? "the first sheets";
    const words = element.textContent.trim().replace(/\s+/g, " ").slice(0, 60);
    found.push(`${place}: <${element.localName}> is ${Math.round(right - width)} px wider than the sheet: ${words}`);
  };
  for (const element of document.querySelectorAll(".camp-print *")) {
    if (element.closest("svg") && element.localName !== "svg") continue;
    if (element.closest("mjx-assistive-mml") || element.closest(".visually-hidden, .sr-only")) continue;
    const { right, width: own } = element.getBoundingClientRect();
    if (own > 0 && right > width + 1 && ![...element.children].some((it) => it.getBoundingClientRect().right > width + 1)) say(element, right);
  }
  return found.slice(0, 40);
};
