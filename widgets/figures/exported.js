// Draws one figure on a page that has no plotly of its own, such as a notebook exported by nbconvert. Plotly is on the page once, packed,
// in the output of the first figure; where that output is gone, it comes from the network.

(() => {
  const place = document.getElementById(ID);
  const add = (attributes) =>
    new Promise((resolve, reject) => {
      const tag = Object.assign(document.createElement("script"), attributes, { onload: resolve, onerror: reject });
      document.head.append(tag);
      if (attributes.textContent) resolve(); // what stands in the tag itself has run
    });
  const load = async () => {
    if (window.Plotly) return window.Plotly;
    const packed = document.querySelector("script.rl-plotly");
    if (packed) {
      const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
      const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      await add({ textContent: await new Response(unpacked).text() });
    } else {
      await add({ src: place.dataset.plotly });
    }
    return window.Plotly;
  };
  const draw = async () => {
    try {
      window.rlPlotly ??= load();
      const Plotly = await window.rlPlotly;
      const { data, layout, config } = JSON.parse(document.getElementById(`${ID}-data`).textContent);
      place.textContent = "";
      await Plotly.newPlot(place, data, layout, { responsive: true, ...config });
    } catch (error) {
      place.textContent = `This figure can't be drawn: ${error.message ?? "plotly could not be fetched"}.`;
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", draw);
  else draw();
})();
