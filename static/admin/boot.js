// Runs before the first paint, so that the page never flashes in the wrong theme.
(function () {
  var root = document.documentElement;
  try {
    root.dataset.theme = localStorage.getItem("keypool.theme") || "system";
    root.lang = localStorage.getItem("keypool.lang") || "en";
  } catch (blocked) {
    root.dataset.theme = "system"; // storage is switched off: the page works without it
  }
})();
