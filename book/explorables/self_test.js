/* Tells right from wrong as soon as an option is chosen, and at the end which subjects to brush up. */
(() => {
  const start = (quiz) => {
    quiz.dataset.started = "";
    const fields = [...quiz.querySelectorAll("fieldset")];
    const judge = (field) => {
      const chosen = field.querySelector("input:checked");
      if (!chosen) return;
      const right = chosen.value === field.dataset.right;
      field.dataset.state = right ? "right" : "wrong";
      const told = field.querySelector(".told");
      told.querySelector(".verdict").textContent = right ? "Right." : "Not so.";
      told.querySelector(".read").hidden = right;
      told.hidden = false;
    };
    const sum = () => {
      const done = fields.filter((field) => field.dataset.state);
      const right = done.filter((field) => field.dataset.state === "right").length;
      const weak = [...quiz.querySelectorAll("section")]
        .filter((part) => part.querySelector("[data-state=wrong]"))
        .map((part) => part.dataset.topic);
      const end = done.length < fields.length ? "" : weak.length ? ` Brush up: ${weak.join(", ")}.` : " You are ready.";
      quiz.querySelector(".result").textContent =
        `${right} of ${done.length} right, ${fields.length - done.length} still open.${end}`;
    };
    quiz.addEventListener("submit", (event) => event.preventDefault());
    quiz.addEventListener("change", (event) => {
      judge(event.target.closest("fieldset"));
      sum();
    });
  };
  const find = () => document.querySelectorAll(".camp-quiz:not([data-started])").forEach(start);
  find();
  document.addEventListener("DOMContentLoaded", find);
})();
