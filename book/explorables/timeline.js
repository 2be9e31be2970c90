/* Draws the run that is chosen: the host's and the streams' bars on one clock, and what happens at a moment. */
(() => {
  const LANES = ["host", "stream 0", "stream 1"];
  const micros = (value) => `${Math.round(value).toLocaleString("en-US")} µs`;

  /* The whole text, its number alone, or nothing: what a bar has room for. */
  const fitting = (text, width) =>
    [text, text.split(" ").pop(), ""].find((part) => 7.5 * part.length < width && (part === text || /^\d*$/.test(part)));

  const start = (root) => {
    root.dataset.started = "";
    const runs = JSON.parse(root.querySelector("script").textContent);
    const find = (what) => root.querySelector(what);
    const tracks = [...root.querySelectorAll(".lane .track")];
    const pick = (name) => find(`[data-choice=${name}]`).value;
    const slider = find(".moment input");
    let run;
    let end;

    const moment = () => {
      const time = (end * slider.value) / 100;
      const now = LANES.map((lane, row) => {
        const bar = run.find((one) => one[0] === row && one[1] <= time && time < one[1] + one[2]);
        return `${lane}: ${bar ? bar[3] : row ? "idle" : "free"}`;
      });
      find(".moment output").textContent = micros(time);
      slider.setAttribute("aria-valuetext", micros(time));
      find(".note").textContent = `At ${micros(time)}, ${now.join("; ")}. A green mark is an event: batch copied.`;
      for (const cursor of root.querySelectorAll(".cursor")) cursor.style.left = `${slider.value}%`;
    };

    const show = () => {
      run = runs[["size", "streams", "copies", "reads"].map(pick).join("|")];
      const longest = Object.entries(runs).filter(([name]) => name.startsWith(`${pick("size")}|`));
      const finish = (bars) => Math.max(...bars.map(([, from, takes]) => from + takes));
      end = Math.max(...longest.map(([, bars]) => finish(bars)));
      const done = finish(run);
      const busy = run.filter((bar) => bar[4] === "work").reduce((sum, bar) => sum + bar[2], 0);
      find(".told").innerHTML =
        `<strong>All done after ${micros(done)}.</strong> The cores worked for ${Math.round((100 * busy) / done)} % of it.`;
      tracks.forEach((track, row) => {
        track.innerHTML =
          run.filter((bar) => bar[0] === row)
            .map(([, from, takes, text, kind]) =>
              `<span class="bar ${kind}" title="${text}" style="left:${(100 * from) / end}%;width:${(100 * takes) / end}%">` +
              `${fitting(text, (takes * track.clientWidth) / end)}</span>`)
            .join("") + '<span class="cursor"></span>';
      });
      find(".lanes").setAttribute(
        "aria-label",
        `Timeline of ${run.length} bars, from 0 to ${micros(done)}. Move the slider below to hear what happens when.`
      );
      moment();
    };
    for (const form of root.querySelectorAll("form")) form.addEventListener("submit", (event) => event.preventDefault());
    find("form.controls").addEventListener("input", show);
    slider.addEventListener("input", moment);
    window.addEventListener("resize", show);
    show();
  };

  for (const root of document.querySelectorAll(".camp-timeline:not([data-started])")) start(root);
})();
