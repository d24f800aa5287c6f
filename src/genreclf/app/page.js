// One listener for the whole page: answers come and go.
(() => {
  const playerOf = (element) =>
    element.closest(".gc-answer")?.querySelector(".gc-player");

  function playFrom(player, seconds) {
    const audio = player.querySelector("audio");
    audio.currentTime = seconds;
    // Refused where the file cannot be played, which the page says by then.
    audio.play().catch(() => {});
    follow(player, seconds);
  }

  function follow(player, seconds) {
    const share = Math.min(1, seconds / Number(player.dataset.seconds));
    player.querySelector(".gc-cursor").style.left = `${100 * share}%`;
  }

  document.addEventListener("click", (event) => {
    const player = playerOf(event.target);
    if (!player) return;
    const plot = event.target.closest(".gc-plot");
    const button = event.target.closest("[data-seek]");
    if (plot) {
      const box = plot.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      playFrom(player, share * Number(player.dataset.seconds));
    } else if (button) {
      playFrom(player, Number(button.dataset.seek));
    }
  });

  // Events of media do not bubble, but they can be captured on their way down.
  for (const kind of ["timeupdate", "seeking"]) {
    document.addEventListener(kind, (event) => {
      const player = playerOf(event.target);
      if (player) follow(player, event.target.currentTime);
    }, true);
  }
  document.addEventListener("error", (event) => {
    const player = event.target.tagName === "AUDIO" && playerOf(event.target);
    if (player) player.querySelector(".gc-mute").hidden = false;
  }, true);
})();
