/* Shows the moment of the lap that is chosen: picture, place on the map, words; "Play" goes on by itself. */
(() => {
  const PAUSE = 250;

  const start = (root) => {
    root.dataset.started = "";
    const moments = JSON.parse(root.querySelector("script").textContent);
    const find = (what) => root.querySelector(what);
    const slider = find("input");
    const button = find("button");
    let timer = 0;

    const show = () => {
      const moment = moments[slider.value];
      find("img").src = `data:image/jpeg;base64,${moment.picture}`;
      find(".car").setAttribute("transform", `translate(${moment.x} ${moment.y}) rotate(${moment.degrees})`);
      find(".note").textContent = moment.words;
      find("output").textContent = slider.value;
      slider.setAttribute("aria-valuetext", moment.words);
    };
    const play = (on) => {
      clearInterval(timer);
      timer = on ? setInterval(next, PAUSE) : 0;
      button.textContent = on ? "Pause" : "Play";
      button.setAttribute("aria-pressed", String(on));
    };
    const next = () => {
      slider.value = (Number(slider.value) + 1) % moments.length;
      show();
    };
    button.addEventListener("click", () => play(!timer));
    slider.addEventListener("input", () => {
      play(false);
      show();
    });
    find("form").addEventListener("submit", (event) => event.preventDefault());
    show();
  };

  for (const root of document.querySelectorAll(".camp-drive:not([data-started])")) start(root);
})();
