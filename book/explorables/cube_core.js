/* Shows one frame of the cost model at a time: the one that the sliders say. */
(() => {
  const BUFFERS = ["L1", "L0A", "L0B", "L0C", "UB"];
  const TIMES = "\u00d7";
  const whole = (value) => Math.round(value).toLocaleString("en-US");
  const blocks = (value, by) => Math.ceil(value / by);
  const three = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

  const bar = (label, share, text, tone) =>
    `<div class="bar"><span class="what">${label}</span><span class="track"><span class="fill ${tone}"` +
    ` style="width:${Math.max(share > 0 ? 0.6 : 0, Math.min(100, 100 * share)).toFixed(1)}%"></span></span>` +
    `<span class="value">${text}</span></div>`;

  const kib = (bytes) => (bytes % 1024 ? (bytes / 1024).toFixed(1) : whole(bytes / 1024));

  /* The result as a rectangle in fractals: what is padding, how cores share it, the tiles of the first. */
  const cut = (frame, m, n) => {
    const [rows, columns] = [blocks(m, 16), blocks(n, 16)];
    const scale = Math.min(260 / columns, 170 / rows, 40);
    const [width, height] = [Math.max(6, columns * scale), Math.max(6, rows * scale)];
    const [x, y] = [width / columns, height / rows];
    const lines = [];
    for (let i = frame.core_m; i < rows; i += frame.core_m) lines.push(`M1 ${1 + i * y}h${width}`);
    for (let i = frame.core_n; i < columns; i += frame.core_n) lines.push(`M${1 + i * x} 1v${height}`);
    const inner = [];
    const [w, h] = [Math.min(frame.core_n, columns) * x, Math.min(frame.core_m, rows) * y];
    for (let i = frame.tile_m; i < Math.min(frame.core_m, rows); i += frame.tile_m) inner.push(`M1 ${1 + i * y}h${w}`);
    for (let i = frame.tile_n; i < Math.min(frame.core_n, columns); i += frame.tile_n) inner.push(`M${1 + i * x} 1v${h}`);
    return (
      `<svg width="${width + 2}" height="${height + 2}" role="img" aria-label="The result of ${rows} by ${columns} ` +
      `fractals: each core computes at most ${frame.core_m} by ${frame.core_n} of them">` +
      `<rect class="pad" x="1" y="1" width="${width}" height="${height}"/>` +
      `<rect class="real" x="1" y="1" width="${(width * n) / (columns * 16)}" height="${(height * m) / (rows * 16)}"/>` +
      `<rect class="own" x="1" y="1" width="${w}" height="${h}"/><path class="inner" d="${inner.join("")}"/>` +
      `<path class="cores" d="${lines.join("")}"/><rect class="edge" x="1" y="1" width="${width}" height="${height}"/></svg>`
    );
  };

  const names = [
    "cores", "core_m", "core_n", "tile_m", "tile_n", "l1", "l0a", "l0b", "l0c", "ub",
    "mte2", "mte1", "cube", "out", "mte3", "memory", "total", "ns",
  ];

  const start = (root) => {
    root.dataset.started = "";
    const data = JSON.parse(root.querySelector("script").textContent);
    const find = (what) => root.querySelector(what);
    const show = () => {
      const size = {};
      const place = {};
      for (const slider of root.querySelectorAll("input[data-size]")) {
        const name = slider.dataset.size;
        place[name] = Number(slider.value);
        size[name] = data.sizes[place[name]];
        slider.parentElement.querySelector("output").value = size[name];
        slider.setAttribute("aria-valuetext", size[name]);
      }
      const type = find("[data-choice=type]").value;
      const chip = data.chips.find((one) => one.name === find("[data-choice=chip]").value);
      const count = data.sizes.length;
      const row = chip.frames[type][(place.m * count + place.k) * count + place.n];
      const frame = Object.fromEntries(names.map((name, i) => [name, row[i]]));
      const { m, k, n } = size;
      const deep = chip.depth[type];
      const padded = [blocks(m, 16) * 16, blocks(k, deep) * deep, blocks(n, 16) * 16];
      const waste = 1 - (m * k * n) / (padded[0] * padded[1] * padded[2]);
      const tflops = (2 * m * k * n) / frame.ns / 1000;
      const unit = type === "int8" ? "TOP/s" : "TFLOP/s";
      find(".told").innerHTML =
        `<strong>(${m} ${TIMES} ${k}) times (${k} ${TIMES} ${n})</strong>: <strong>${whole(frame.total)} cycles</strong>, ` +
        `${three(frame.ns / 1000)} µs, ${three(tflops)} ${unit}, ${three((100 * tflops) / chip.peak[type])} % of the peak`;
      find(".cut .drawing").innerHTML = cut(frame, m, n);
      find(".cut .note").textContent =
        `Padded to ${padded.join(` ${TIMES} `)}: ${(100 * waste).toFixed(1)} % of the multiplications meet a zero. ` +
        `${frame.cores} of ${chip.cores} cores have work, each at most ${frame.core_m} ${TIMES} ${frame.core_n} fractals, ` +
        `in tiles of ${frame.tile_m} ${TIMES} ${frame.tile_n}.`;
      find(".buffers .camp-bars").innerHTML = BUFFERS.map((name, i) => {
        const used = frame[name.toLowerCase()];
        return bar(name, used / chip.room[i], `${kib(used)} of ${kib(chip.room[i])} KiB`, name === "L1" || name === "UB" ? "cool" : "warm");
      }).join("");
      find(".buffers .note").textContent = chip.split
        ? "On this chip UB belongs to the Vector cores: a plain product does not pass through it."
        : "Results pass through UB on their way out. Two halves: one is worked on, the other is filled.";
      const units = [
        ["MTE2: L2 to L1", frame.mte2], ["MTE1: L1 to L0", frame.mte1], ["Cube", frame.cube],
        [chip.split ? "FixPipe: L0C out" : "Vector: L0C to UB", frame.out],
        [chip.split ? "FixPipe: to L2" : "MTE3: UB to L2", frame.mte3], ["memory to L2", frame.memory],
      ];
      const worst = Math.max(...units.map(([, cycles]) => cycles));
      const slowest = units.findLastIndex(([, cycles]) => cycles === worst);
      find(".units .camp-bars").innerHTML = units
        .map(([name, cycles], i) => bar(name, worst ? cycles / worst : 0, whole(cycles), i === slowest ? "warm" : "cool"))
        .join("");
      find(".units .note").textContent =
        2 * worst < frame.total
          ? "Nothing here takes long: most of the time goes into starting the task."
          : `${units[slowest][0]} decides. The others work at the same time, and starting the task comes on top.`;
    };
    root.querySelector("form").addEventListener("input", show);
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    show();
  };

  for (const root of document.querySelectorAll(".camp-core:not([data-started])")) start(root);
})();
