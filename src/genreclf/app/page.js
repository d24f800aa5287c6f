// The listeners are on the document, since results come and go.
(() => {
  const playerOf = (element) =>
    element.closest(".gc-result")?.querySelector(".gc-player");

  function playFrom(player, seconds) {
    const audio = player.querySelector("audio");
    audio.currentTime = seconds;
    // It fails if the browser cannot play the file; the page shows a note then.
    audio.play().catch(() => {});
    moveCursor(player, seconds);
  }

  function moveCursor(player, seconds) {
    const position = Math.min(1, seconds / Number(player.dataset.seconds));
    player.querySelector(".gc-cursor").style.left = `${100 * position}%`;
  }

  document.addEventListener("click", (event) => {
    const player = playerOf(event.target);
    if (!player) return;
    const plot = event.target.closest(".gc-plot");
    const button = event.target.closest("[data-seek]");
    if (plot) {
      const box = plot.getBoundingClientRect();
      const position = (event.clientX - box.left) / box.width;
      playFrom(player, position * Number(player.dataset.seconds));
    } else if (button) {
      playFrom(player, Number(button.dataset.seek));
    }
  });

  // Media events do not bubble, but the document can capture them.
  for (const kind of ["timeupdate", "seeking"]) {
    document.addEventListener(kind, (event) => {
      const player = playerOf(event.target);
      if (player) moveCursor(player, event.target.currentTime);
    }, true);
  }
  document.addEventListener("error", (event) => {
    const player = event.target.tagName === "AUDIO" && playerOf(event.target);
    if (player) player.querySelector(".gc-unplayable").hidden = false;
  }, true);
})();
